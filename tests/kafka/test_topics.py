"""What making topics says where Kafka is away."""

import pytest

from tabstream.config import Settings
from tabstream.errors import Outage
from tabstream.kafka.topics import ensure_topics, own_topics


def test_topics_that_can_t_be_made_for_want_of_kafka_are_told_in_the_usual_words() -> None:
    with pytest.raises(Outage, match=r"kafka at 127\.0\.0\.1:1 gives no answer: ") as told:
        ensure_topics(Settings(bootstrap_servers="127.0.0.1:1"), own_topics("results"))
    assert told.value.remedy == "start Kafka, or correct TABSTREAM_BOOTSTRAP_SERVERS"
