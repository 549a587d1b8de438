"""What the service tells of itself while it works. Nothing is told where nobody has asked for it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from litestar.types import HTTPScope

from service.errors import TopupError, UnavailableError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from service.metrics import Metrics
    from service.traces import Traces

    Origin: TypeAlias = Span | None
    """The request that an event came with, as traces know it."""

UNANSWERED: Final = 499
"""The status that stands for a request whose client was gone before there was an answer."""

QUIET: Final = ("/health/", "/metrics")
"""Where the paths begin that machines ask for all day: no trace, and no line in the log while all is well."""


@dataclass
class Served:
    """A request being served, and the status of its answer once that has begun."""

    status: int = UNANSWERED


class Telemetry:
    """Metrics and traces of requests, webhooks and calls, each where it is wanted."""

    def __init__(self, metrics: "Metrics | None" = None, traces: "Traces | None" = None) -> None:
        self._metrics = metrics
        self._traces = traces

    async def close(self) -> None:
        """Send what is left to be sent."""
        if self._traces is not None:
            await self._traces.close()

    @contextmanager
    def request(self, scope: HTTPScope) -> Iterator[Served]:
        """Follow one request, from its head to the end of its answer."""
        served = Served()
        started = time.perf_counter()
        with ExitStack() as exits:
            traces = None if scope["path"].startswith(QUIET) else self._traces
            span = None if traces is None else exits.enter_context(traces.request(scope))
            try:
                yield served
            finally:
                # Never the path itself, of which anybody can make up any number.
                route = scope.get("path_template") or "none"
                if self._metrics is not None:
                    self._metrics.observe_request(route, served.status, time.perf_counter() - started)
                if traces is not None and span is not None:
                    traces.finish(span, scope, route, served.status)

    @contextmanager
    def call(self, to: str, name: str) -> Iterator[dict[str, str]]:
        """Follow one call to `to`, "postgrest" or "stripe", with all its attempts.

        Gives the headers that carry the trace on to who is called.
        """
        outcome, error_type = "failed", "canceled"
        started = time.perf_counter()
        with ExitStack() as exits:
            span, headers = (
                (None, {}) if self._traces is None else exits.enter_context(self._traces.call(to, name))
            )
            try:
                yield headers
                outcome, error_type = "ok", ""
            except TopupError as error:
                outcome = "failed" if isinstance(error, UnavailableError) else "refused"
                error_type = error.code
                raise
            except Exception as error:
                error_type = type(error).__name__
                raise
            finally:
                if self._metrics is not None:
                    self._metrics.observe_call(to, name, outcome, time.perf_counter() - started)
                if self._traces is not None and span is not None and error_type:
                    self._traces.fail(span, error_type)

    def origin(self) -> "Origin":
        """The request that is being served, for `batch`."""
        return None if self._traces is None else self._traces.here()

    @contextmanager
    def batch(self, origins: "Sequence[Origin]") -> Iterator[None]:
        """Follow a call that the events of several requests share."""
        with ExitStack() as exits:
            if self._traces is not None:
                exits.enter_context(self._traces.batch([span for span in origins if span is not None]))
            yield

    def count_webhook(self, outcome: str, reason: str | None) -> None:
        """Count what became of a webhook: an outcome of `EventOutcome`, or "refused", and the reason."""
        if self._metrics is not None:
            self._metrics.count_webhook(outcome, reason)

    def observe_commit(self, seconds: float) -> None:
        """Keep how long it took from a webhook's arrival until its event was committed."""
        if self._metrics is not None:
            self._metrics.observe_commit(seconds)
