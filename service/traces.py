"""Traces of OpenTelemetry: a span for each request, each call to PostgREST and Stripe, each batch of events.

The spans are made here and not by OpenTelemetry's instrumentations, which write the client's address, the
query and the user agent into them. Here only what is named below is kept: never a header, a body, a query, an
address or a user.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

import structlog
from litestar.types import HTTPScope
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.settings import Settings

FLUSH_SECONDS: Final = 3.0
"""How long a stopping service waits for a collector to take the last spans."""

_CARRIERS: Final = {b"traceparent", b"tracestate"}

_TOLD: Final = (
    "request_id",
    "event_id",
    "event_type",
    "outcome",
    "transaction_id",
    "payment_intent_id",
    "error",
)
"""What a request's span has of its line in the log, so that one leads to the other."""

_SERVER_ERROR: Final = 500


def export_to(settings: Settings) -> SpanExporter:
    """Send spans to OTEL_EXPORTER_OTLP_ENDPOINT, as OTLP over HTTP."""
    return OTLPSpanExporter(
        endpoint=f"{settings.otlp_endpoint}/v1/traces", headers=dict(settings.otlp_headers)
    )


class Traces:
    """Spans of one process. Name, attributes and sampling are those of the standard OTEL_* variables."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource({"service.name": "topup", "service.version": version("topup")})
        self._provider = TracerProvider(
            resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("topup")
        self._propagator = TraceContextTextMapPropagator()

    async def close(self) -> None:
        """Send what is left. A collector that does not answer must not hold up the stop."""
        flushing = threading.Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, FLUSH_SECONDS)

    @contextmanager
    def request(self, scope: HTTPScope) -> Iterator[Span]:
        """A request's span, in the trace that its `traceparent` header names; `finish` ends its story."""
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIERS
        }
        span = self._tracer.start_span(
            scope["method"],
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},
        )
        structlog.contextvars.bind_contextvars(trace_id=trace_id_of(span))
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield span

    def finish(self, span: Span, scope: HTTPScope, route: str, status: int) -> None:
        """Write into a request's span what became of it."""
        span.update_name(f"{scope['method']} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        told = structlog.contextvars.get_contextvars()
        span.set_attributes(
            {f"topup.{name}": str(told[name]) for name in _TOLD if told.get(name) is not None}
        )
        if status >= _SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))

    @contextmanager
    def call(self, to: str, name: str) -> Iterator[tuple[Span, dict[str, str]]]:
        """A call's span, and the headers that carry the trace on."""
        with self._tracer.start_as_current_span(
            f"{to} {name}",
            kind=SpanKind.CLIENT,
            attributes={"peer.service": to},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            headers: dict[str, str] = {}
            self._propagator.inject(headers)
            yield span, headers

    def fail(self, span: Span, error_type: str) -> None:
        """Write into a call's span why it failed: a code, never a message."""
        span.set_attribute("error.type", error_type)
        span.set_status(Status(StatusCode.ERROR))

    @contextmanager
    def batch(self, webhooks: Sequence[Span]) -> Iterator[None]:
        """The span of a call that several webhooks share.

        It is in the trace of the first; each of the others links to it, and it to them.
        """
        first, *others = webhooks
        span = self._tracer.start_span(
            "record events",
            context=set_span_in_context(first),
            links=[Link(other.get_span_context()) for other in others],
            attributes={"topup.events": len(webhooks)},
        )
        for other in others:
            other.add_link(span.get_span_context())
        with (
            structlog.contextvars.bound_contextvars(trace_id=trace_id_of(span)),
            use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False),
        ):
            yield

    def here(self) -> Span:
        """The span of the request that is being served."""
        return get_current_span()


def trace_id_of(span: Span) -> str:
    """The id of a span's trace, as logs and the `traceparent` header have it."""
    return f"{span.get_span_context().trace_id:032x}"
