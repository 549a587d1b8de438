"""A collector of OpenTelemetry: takes OTLP over HTTP, as protobuf, and keeps the spans."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.integration.service.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True)
class Seen:
    """A span as it arrived. Ids are in hexadecimal; `parent` is "" where there is none."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    failed: bool
    attributes: dict[str, Any] = field(repr=False)
    links: frozenset[str]
    """The ids of the spans that it links to."""
    resource: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, span: trace_pb2.Span, resource: dict[str, Any]) -> Seen:
        """What a span of the protocol says."""
        return cls(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.kind,
            span.status.code == 2,
            attributes_of(span.attributes),
            frozenset(link.span_id.hex() for link in span.links),
            resource,
        )


def attributes_of(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf's containers have no public type
    """Names and values."""
    found: list[KeyValue] = list(pairs)
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in found}


class Collector:
    """Listens on 127.0.0.1 and remembers all that it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                collector.bodies.append(body)
                collector.headers.append({name.lower(): text for name, text in self.headers.items()})
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Collector]:
        """Serve for the length of a `with` block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def spans(self) -> list[Seen]:
        """All spans that have come."""
        return [
            Seen.of(span, attributes_of(sent.resource.attributes))
            for body in list(self.bodies)
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in sent.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, wanted: Callable[[list[Seen]], list[Seen]], what: str) -> list[Seen]:
        """What `wanted` picks from the spans, once it picks any."""
        return eventually(lambda: wanted(self.spans()), what)
