"""What the service tells of itself while it works. Nothing is told where nobody has asked for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from litestar.types import HTTPScope

from service.errors import TopupError, UnavailableError

if TYPE_CHECKING:
    from service.metrics import Metrics

UNANSWERED: Final = 499
"""The status that stands for a request whose client was gone before there was an answer."""


@dataclass
class Served:
    """A request being served, and the status of its answer once that has begun."""

    status: int = UNANSWERED


class Telemetry:
    """Metrics of requests, webhooks and calls, where there are metrics."""

    def __init__(self, metrics: "Metrics | None" = None) -> None:
        self._metrics = metrics

    @contextmanager
    def request(self, scope: HTTPScope) -> Iterator[Served]:
        """Measure one request, from its head to the end of its answer."""
        served = Served()
        started = time.perf_counter()
        try:
            yield served
        finally:
            if self._metrics is not None:
                # Never the path itself, of which anybody can make up any number.
                route = scope.get("path_template") or "none"
                self._metrics.observe_request(route, served.status, time.perf_counter() - started)

    @contextmanager
    def call(self, to: str, name: str) -> Iterator[None]:
        """Measure one call to `to`, "postgrest" or "stripe", with all its attempts."""
        outcome = "failed"
        started = time.perf_counter()
        try:
            yield
            outcome = "ok"
        except TopupError as error:
            outcome = "failed" if isinstance(error, UnavailableError) else "refused"
            raise
        finally:
            if self._metrics is not None:
                self._metrics.observe_call(to, name, outcome, time.perf_counter() - started)

    def count_webhook(self, outcome: str, reason: str | None) -> None:
        """Count what became of a webhook: an outcome of `EventOutcome`, or "refused", and the reason."""
        if self._metrics is not None:
            self._metrics.count_webhook(outcome, reason)

    def observe_commit(self, seconds: float) -> None:
        """Keep how long it took from a webhook's arrival until its event was committed."""
        if self._metrics is not None:
            self._metrics.observe_commit(seconds)
