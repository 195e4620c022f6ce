"""An owner is asked over Kafka, and what it has said last is what counts."""

import pytest

from tabstream.clock import ManualClock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.errors import OperatorError
from tabstream.kafka import clients
from tabstream.kafka.avro import Decoder
from tabstream.kafka.messages import SignalKind, State, Status, signal_from_record
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.topics import SIGNALS, STATUS
from tabstream.operations.owners import KafkaOwners
from tests.kafka.conftest import bootstrap_servers, registry
from tests.kafka.registry_server import RegistryServer

__all__ = ["bootstrap_servers", "registry"]

LEADS = Binding("leads", "public.leads", "sales", "1AbC", "Leads")


@pytest.fixture
def settings(bootstrap_servers: str, registry: RegistryServer) -> Settings:
    return Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)


def test_a_question_reaches_the_spreadsheet_s_owner_with_the_id_it_is_known_by(settings: Settings) -> None:
    with KafkaOwners(settings, ManualClock()) as owners:
        questions = {owners.ask(LEADS), owners.ask(LEADS)}
    consumer = clients.consumer(settings, "reader", auto_offset_reset="earliest")
    consumer.subscribe([SIGNALS])
    signals = []
    while len(signals) < 2:
        message = consumer.poll(10)
        assert message is not None
        signals.append(signal_from_record(Decoder(settings.registry).decode(message.value() or b"")))
    consumer.close()
    assert {signal.id for signal in signals} == questions
    assert {(s.kind, s.binding, s.spreadsheet_id) for s in signals} == {(SignalKind.AUDIT, "leads", "1AbC")}


def test_the_newest_status_of_a_binding_is_read(settings: Settings) -> None:
    publisher = Publisher(settings)
    with KafkaOwners(settings, ManualClock()) as owners:
        assert owners.status(Binding("nobody", "t", "s", "S1", "T")) is None
        for lag in (3, 0):
            publisher.status(Status("leads", "1AbC", "sink-1", 0, State.RUNNING, 5, lag_messages=lag)).result(10)
        found = owners.status(LEADS)
        assert found is not None
        assert (found.state, found.lag_messages) == (State.RUNNING, 0)
        producer = clients.producer(settings)
        producer.produce(STATUS, key=b"leads", value=b"not avro")
        assert producer.flush(10) == 0
        producer.close()
        with pytest.raises(OperatorError, match="can't be read"):
            owners.status(LEADS)
    publisher.close()
