"""What alerts need to know, in the text format of Prometheus: service/monitoring/ has the alerts.

Counters start at 0 with the process; one process tells what it served. /metrics exists only where
TOPUP_METRICS_TOKEN or TOPUP_METRICS_PORT is set.
"""

import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from service.errors import NotAuthenticatedError, TopupError
from service.event_types import MISMATCH_REASONS
from service.health import Readiness
from service.ledger import Check, Ledger
from service.settings import Settings

log = structlog.get_logger()

_REASONED: Final = {"ignored", "mismatch"}
_OUTCOMES: Final = ("applied", "duplicate", "failed", "refused")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


class Metrics:
    """The metrics of one process. No label is ever an id, a path or an error's text."""

    def __init__(self) -> None:
        # Times of creation would double the number of series.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._registry = CollectorRegistry()
        self._webhook_events = Counter(
            "topup_webhook_events",
            "Webhooks by what became of them: applied, duplicate, ignored, mismatch, failed or refused",
            ["outcome", "reason"],
            registry=self._registry,
        )
        # A counter that begins at 1 has not risen: without these no alert would see the first of a kind.
        for outcome in _OUTCOMES:
            self._webhook_events.labels(outcome, "")
        for reason in MISMATCH_REASONS:
            self._webhook_events.labels("mismatch", reason)
        self._commits = Histogram(
            "topup_receipt_to_credit_seconds",
            "From the arrival of a webhook until its event was committed",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._requests = Histogram(
            "topup_request_seconds",
            "Requests by route and status; the route none is whatever has no endpoint",
            ["route", "status"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._calls = Histogram(
            "topup_call_seconds",
            "Calls to postgrest and stripe with all their attempts: ok, refused (they answered no) or failed",
            ["to", "call", "outcome"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "topup_recorder_waiting", "Events that wait for the database", registry=self._registry
        )
        self._ready = Gauge(
            "topup_ready",
            "1 while the database is reached and has the schema, else 0",
            registry=self._registry,
        )
        self._findings = Gauge(
            "topup_check_findings",
            "What audit, reconcile and events_behind found when they last ran, wherever that was",
            ["check"],
            registry=self._registry,
        )
        self._finished = Gauge(
            "topup_check_timestamp_seconds",
            "When each check last ran, in Unix time",
            ["check"],
            registry=self._registry,
        )

    def count_webhook(self, outcome: str, reason: str | None) -> None:
        """Count one webhook. The reason is kept where it is one of few words, not an error's text."""
        self._webhook_events.labels(outcome, (outcome in _REASONED and reason) or "").inc()

    def observe_commit(self, seconds: float) -> None:
        """Keep how long an event took to be committed."""
        self._commits.observe(seconds)

    def observe_request(self, route: str, status: int, seconds: float) -> None:
        """Keep how long a request took. `route` is a template, never a path."""
        self._requests.labels(route, str(status)).observe(seconds)

    def observe_call(self, to: str, call: str, outcome: str, seconds: float) -> None:
        """Keep how long a call took."""
        self._calls.labels(to, call, outcome).observe(seconds)

    def watch_recorder(self, waiting: Callable[[], int]) -> None:
        """Ask `waiting` for the number of events that wait, at each reading."""
        self._waiting.set_function(waiting)

    def read(self, *, ready: bool, checks: Sequence[Check] = ()) -> bytes:
        """All metrics, with what was found out for this reading."""
        self._ready.set(ready)
        # What cannot be read now is left out, rather than told as it was.
        self._findings.clear()
        self._finished.clear()
        for check in checks:
            self._findings.labels(check.name).set(check.findings)
            self._finished.labels(check.name).set(check.finished_at.timestamp())
        return generate_latest(self._registry)


class MetricsReader:
    """Lets in who may read the metrics, and asks the database what it has to say to them."""

    def __init__(self, settings: Settings, metrics: Metrics, readiness: Readiness, ledger: Ledger) -> None:
        token = settings.metrics_token
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._port = settings.metrics_port
        self._metrics = metrics
        self._readiness = readiness
        self._ledger = ledger

    async def read(self, port: int | None, authorization: str) -> bytes:
        """All metrics, for who came by the port of the metrics or has the token.

        Raises `NotAuthenticatedError` without the token; where there is none, Litestar's `NotFoundException`.
        """
        if port is None or port != self._port:
            if self._expected is None:
                raise NotFoundException
            if not hmac.compare_digest(authorization.encode(), self._expected):
                raise NotAuthenticatedError("metrics_token")
        try:
            await self._readiness.check()
        except TopupError:
            return self._metrics.read(ready=False)
        return self._metrics.read(ready=True, checks=await self._read_checks())

    async def _read_checks(self) -> list[Check]:
        try:
            return await self._ledger.read_checks()
        except TopupError as error:
            log.warning("checks could not be read", code=error.code)
            return []


@get("/metrics", include_in_schema=False)
async def get_metrics(
    request: Request[Any, Any, Any], metrics_reader: NamedDependency[MetricsReader]
) -> Response[bytes]:
    """Give the metrics to a scraper."""
    server = request.scope["server"]
    port = None if server is None else server[1]
    content = await metrics_reader.read(port, request.headers.get("authorization", ""))
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})
