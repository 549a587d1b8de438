from __future__ import annotations

import asyncio
import re
import threading
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service import setting_values, traces
from service.ledger import EventOutcome, Ledger
from service.recorder import EventRecorder
from service.settings import InvalidSettingsError, Settings
from service.telemetry import Telemetry
from service.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litestar.types import HTTPScope
    from opentelemetry.sdk.trace import ReadableSpan

PATIENCE = 60


class StuckExporter(SpanExporter):
    """A collector that takes a request and never answers it."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - as OpenTelemetry has it
        """Wait for the answer."""
        self.asked.set()
        self.release.wait()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Wait for it too."""
        self.release.wait()


async def test_stop_does_not_wait_for_a_collector_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "FLUSH_SECONDS", 0.1)
    exporter = StuckExporter()
    tracing = Traces(exporter)
    with Telemetry(traces=tracing).call("stripe", "create_customer"):
        pass
    try:
        async with asyncio.timeout(PATIENCE):
            await tracing.close()
        assert await asyncio.to_thread(exporter.asked.wait, PATIENCE)
    finally:
        exporter.release.set()


async def test_what_was_not_sent_yet_is_sent_at_the_stop() -> None:
    exporter = InMemorySpanExporter()
    tracing = Traces(exporter)
    with Telemetry(traces=tracing).call("stripe", "create_customer"):
        pass
    await tracing.close()
    assert [span.name for span in exporter.get_finished_spans()] == ["stripe create_customer"]


class HeldLedger:
    """Holds its first call until `go` is set."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.go = asyncio.Event()

    async def record_stripe_events(self, events: Sequence[Mapping[str, Any]]) -> list[EventOutcome]:
        """What the recorder calls."""
        self.called.set()
        await self.go.wait()
        return [EventOutcome(event["id"], "applied") for event in events]


async def test_webhooks_that_share_a_call_link_to_it_and_it_to_them() -> None:
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(traces=Traces(exporter))
    ledger = HeldLedger()
    recorder = EventRecorder(cast("Ledger", ledger), max_calls=1, telemetry=telemetry)

    async def receive(event_id: str) -> None:
        with telemetry.request(cast("HTTPScope", {"method": "POST", "path": f"/{event_id}", "headers": []})):
            structlog.contextvars.bind_contextvars(event_id=event_id)
            await recorder.record({"id": event_id})

    alone = asyncio.create_task(receive("evt_alone"))
    await ledger.called.wait()
    together = [asyncio.create_task(receive(f"evt_{number}")) for number in range(3)]
    await asyncio.sleep(0)
    assert recorder.waiting == len(together)
    ledger.go.set()
    await asyncio.gather(alone, *together)
    await telemetry.close()

    spans = exporter.get_finished_spans()
    webhooks = {(span.attributes or {}).get("topup.event_id"): span for span in spans}
    batches = [span for span in spans if span.name == "record events"]
    assert [(batch.attributes or {})["topup.events"] for batch in batches] == [1, 3]
    for batch, first in zip(batches, ("evt_alone", "evt_0"), strict=True):
        assert batch.parent == webhooks[first].context
        assert webhooks[first].links == ()
    assert [link.context for link in batches[1].links] == [
        webhooks[id_].context for id_ in ("evt_1", "evt_2")
    ]
    for id_ in ("evt_1", "evt_2"):
        assert [link.context for link in webhooks[id_].links] == [batches[1].context]


@pytest.mark.parametrize("traced", [True, False])
async def test_postgrest_is_told_of_the_trace_where_there_is_one(settings: Settings, *, traced: bool) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=1)

    exporter = InMemorySpanExporter()
    tracing = Traces(exporter) if traced else None
    telemetry = Telemetry(traces=tracing)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        await Ledger(settings, http, telemetry).schema_version()
    await telemetry.close()
    spans = [
        f"{span.context.trace_id:032x}-{span.context.span_id:016x}" for span in exporter.get_finished_spans()
    ]
    # Version, trace, span and flags (W3C, "Trace Context").
    told = [request.headers["traceparent"] for request in asked if "traceparent" in request.headers]
    assert [header[3:-3] for header in told] == spans
    assert len(spans) == traced


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("http://collector.internal:4318/", "http://collector.internal:4318"),
        ("https://otlp.example.com/otlp/", "https://otlp.example.com/otlp"),
    ],
)
def test_collector_may_have_a_path(env: dict[str, str], given: str, endpoint: str) -> None:
    assert Settings.from_env({**env, "OTEL_EXPORTER_OTLP_ENDPOINT": given}).otlp_endpoint == endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example.com"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://ada:secret@otlp.example.com"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "=value"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%0d%0a"),
    ],
)
def test_malformed_collector_stops_the_start(env: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(InvalidSettingsError, match=name):
        Settings.from_env({**env, name: value})


def test_collector_without_the_packages_that_it_needs_stops_the_start(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_values, "find_spec", lambda _name: None)
    with pytest.raises(InvalidSettingsError, match=re.escape("topup[otel]")):
        Settings.from_env({**env, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def test_headers_of_the_collector_are_secrets(env: dict[str, str]) -> None:
    given = {**env, "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20hidden, x-team = payments"}
    settings = Settings.from_env(given)
    assert settings.otlp_headers == (("authorization", "Bearer hidden"), ("x-team", "payments"))
    assert {"Bearer hidden", "payments"} <= set(settings.secrets)
    assert "hidden" not in repr(settings)
