"""The producer: takes what the Apps Script saw in a sheet, over HTTPS, and brings it to Kafka."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sheet_producer.body import BodyIncomplete, BodyTooLarge, read_body
from sheet_producer.delivery import Delivery
from sheet_producer.intake import take_in
from sheet_producer.post import MalformedPost, parse_post
from sheet_producer.reachability import Reachability
from sheet_producer.secret_file import SecretFile
from sheet_producer.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, Unauthorised, check_signature, check_time
from tabstream import metrics
from tabstream.bindings_watch import WatchedBindings
from tabstream.clock import Clock, SystemClock
from tabstream.config import Settings
from tabstream.errors import Outage, Poison, TabstreamError
from tabstream.kafka.publisher import Publisher, PublisherBroken
from tabstream.kafka.registry import SchemaRefused
from tabstream.process import Readiness

_DRAIN_SECONDS = 15.0
_FLUSH_SECONDS = 5.0

# What the client is answered for each error, and so what it may do about it.
_STATUS: dict[type[Exception], int] = {
    BodyTooLarge: 413,
    BodyIncomplete: 400,
    Unauthorised: 401,
    MalformedPost: 400,
    Poison: 400,
    Outage: 503,
    PublisherBroken: 503,
    SchemaRefused: 503,
}

log = structlog.get_logger(__name__)


class Producer:
    """The process: one route, `POST /edits`, and a watch over broker and registry."""

    name = "producer"

    def __init__(self, settings: Settings, bindings: WatchedBindings, secrets: SecretFile, clock: Clock) -> None:
        self._settings = settings
        self._bindings = bindings
        self._secrets = secrets
        self._clock = clock
        self._publisher = Publisher(settings, delivery_timeout_ms=round(settings.producer_publish_seconds * 1000))
        self._delivery = Delivery(self._publisher, settings.producer_publish_seconds)
        self._reachability = Reachability(self._publisher, settings)

    def run(self, stop: threading.Event) -> None:
        """See Process. Requests in flight are finished before the publisher is closed."""
        self._bindings.start(stop)
        try:
            self._reachability.watch(stop)
        finally:
            self._delivery.drain(_DRAIN_SECONDS)
            left = self._publisher.close(_FLUSH_SECONDS)
            log.info("drained", unacknowledged=left)

    def readiness(self) -> Readiness:
        """See Process."""
        return replace(self._reachability.readiness(), warnings=self._bindings.warnings)

    def reload(self) -> None:
        """See Process."""
        self._bindings.reload()

    def routes(self) -> Sequence[BaseRoute]:
        """See Process."""
        return [Route("/edits", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        began = self._clock.monotonic()
        try:
            with self._delivery.under_way():
                status, content = 200, await self._accept(request)
        except (TabstreamError, ValueError) as problem:
            status, content = _status(problem), {"reason": str(problem)}
            client = request.client.host if request.client else None
            log.warning("post refused", status=status, reason=str(problem), client=client)
            if isinstance(problem, PublisherBroken):
                self._reachability.give_up(problem)
        except Exception:
            status, content = 500, {"reason": "internal error, see the producer's log"}
            log.exception("post failed")
        metrics.POSTS.labels(status).inc()
        metrics.POST_SECONDS.observe(self._clock.monotonic() - began)
        return _json(status, content)

    async def _accept(self, request: Request) -> dict[str, Any]:
        body = await read_body(request, self._settings.producer_max_body_bytes)
        skew = self._settings.producer_clock_skew_seconds
        timestamp = check_time(request.headers.get(TIMESTAMP_HEADER), self._clock.now_ms(), skew)
        check_signature(self._secrets.secrets(), timestamp, request.headers.get(SIGNATURE_HEADER), body)
        post = parse_post(body)
        intake = take_in(post, self._bindings.current, self._clock.now_ms())
        await self._delivery.deliver(intake)
        log.info(
            "post accepted",
            id=post.id,
            binding=intake.binding,
            event_kind=post.event,
            edits=len(intake.edits),
            poke_reasons=intake.reasons,
        )
        return {"accepted": len(intake.edits), "poked": intake.poke is not None}


def build(settings: Settings) -> Producer:
    """The producer of these settings; raises ConfigurationError for a bindings or secret file that can't be used."""
    bindings = WatchedBindings(settings.required_path("bindings_file"))
    return Producer(settings, bindings, SecretFile(settings.required_path("producer_secret_file")), SystemClock())


def _status(problem: Exception) -> int:
    return next((status for kind, status in _STATUS.items() if isinstance(problem, kind)), 400)


def _json(status: int, content: dict[str, Any]) -> Response:
    # A refused body may not have been read to its end: nothing more is to be read from that connection.
    headers = {"Connection": "close"} if status == 413 else {}
    return Response(json.dumps(content), status, headers, "application/json")
