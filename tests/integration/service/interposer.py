"""Stands between the service and one of its upstreams, to stop it or cut its line at an exact step."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx

from tests.integration.service.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}


class Interposer:
    """A reverse proxy that keeps or loses the answer of one request; upstream has done its work then."""

    def __init__(self, upstream: str) -> None:
        self.calls: list[str] = []
        """The paths that were asked for, in order."""
        self._upstream = httpx.Client(base_url=upstream, timeout=PATIENCE, trust_env=False)
        self._lock = threading.Lock()
        self._hold: re.Pattern[str] | None = None
        self._cut: re.Pattern[str] | None = None
        self._reached = threading.Event()
        self._released = threading.Event()

        class Handler(_Handler):
            interposer = self

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Interposer]:
        """Serve for the length of a `with` block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()
            self._upstream.close()

    def hold_answer_of(self, path: str) -> None:
        """Keep the answer of the next request whose path matches."""
        self._hold = re.compile(path)

    def cut_answer_of(self, path: str) -> None:
        """Close the connection instead of answering the next request whose path matches."""
        self._cut = re.compile(path)

    def wait_until_held(self) -> None:
        """Wait until an answer is kept."""
        assert self._reached.wait(PATIENCE), f"no answer to hold; asked for: {self.calls}"

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        """The upstream's answer; None where the caller shall see the connection end."""
        answer = self._upstream.request(method, path, headers=headers, content=body)
        with self._lock:
            self.calls.append(path)
            hold = self._hold is not None and self._hold.search(path) is not None
            cut = self._cut is not None and self._cut.search(path) is not None
            self._hold = None if hold else self._hold
            self._cut = None if cut else self._cut
        if hold:
            self._reached.set()
            self._released.wait(PATIENCE)
        return None if cut else answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    interposer: Interposer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in {*_OF_ONE_CONNECTION, "host", "accept-encoding"}
        }
        answer = self.interposer.forward(self.command, self.path, headers, body)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def log_message(self, *_: Any) -> None:
        """Say nothing on stderr."""
