"""The page on a port of this machine: its files, what it must know, and a strict policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from service.sandbox.node import LOCAL_STACK
from service.sandbox.stack import HostedStripe
from service.settings import STRIPE_API_BASE

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from service.sandbox.stack import Stack

FILES: Final = Path(__file__).with_name("page")
SUPABASE_JS: Final = (
    LOCAL_STACK / "node_modules" / "@supabase" / "supabase-js" / "dist" / "umd" / "supabase.js"
)

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_STRIPE_HOSTS: Final = "https://js.stripe.com https://*.js.stripe.com"
"""Where Stripe.js and its frames come from (docs.stripe.com/security/guide, Content security policy)."""


@dataclass(frozen=True)
class PageConfig:
    """What the page must know. All of it may be seen by anybody.

    Attributes:
        supabase_url: The project.
        supabase_publishable_key: Its key for pages.
        topup_url: The service.
        stripe_js_url: The script to load.
        stripe_publishable_key: Stripe's key for pages.
        stripe_api_url: What Stripe.js calls.
        realtime: Whether the project tells of changes by itself.
    """

    supabase_url: str
    supabase_publishable_key: str
    topup_url: str
    stripe_js_url: str
    stripe_publishable_key: str
    stripe_api_url: str
    realtime: bool

    @classmethod
    def of(cls, stack: Stack) -> PageConfig:
        """That of a running stack."""
        hosted = isinstance(stack.stripe, HostedStripe)
        return cls(
            supabase_url=stack.supabase.url,
            supabase_publishable_key=stack.supabase.publishable_key,
            topup_url=stack.service_url,
            stripe_js_url=stack.stripe.stripe_js_url,
            stripe_publishable_key=stack.stripe.publishable_key,
            stripe_api_url=STRIPE_API_BASE if hosted else stack.stripe.url,
            # The local stack has no Realtime; a project from elsewhere does.
            realtime=stack.supabase.process is None,
        )

    def to_module(self) -> str:
        """config.js, as an integrator would write it by hand."""
        names = {
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_PUBLISHABLE_KEY": self.supabase_publishable_key,
            "TOPUP_URL": self.topup_url,
            "STRIPE_JS_URL": self.stripe_js_url,
            "STRIPE_PUBLISHABLE_KEY": self.stripe_publishable_key,
            "REALTIME": self.realtime,
        }
        return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in names.items())

    def to_policy(self, html: str) -> str:
        """The Content-Security-Policy: nothing from anywhere but what stands here."""
        supabase = urlsplit(self.supabase_url)
        sockets = f"{'wss' if supabase.scheme == 'https' else 'ws'}://{supabase.netloc}"
        hosted = self.stripe_api_url == STRIPE_API_BASE
        scripts = _STRIPE_HOSTS if hosted else self.stripe_api_url
        frames = f"{_STRIPE_HOSTS} https://hooks.stripe.com" if hosted else self.stripe_api_url
        connections = [self.supabase_url, self.topup_url, self.stripe_api_url]
        rules = {
            "default-src": "'none'",
            "script-src": f"'self' {scripts} {_import_map_hash(html)}",
            "style-src": "'self'",
            "img-src": "'self'",
            "connect-src": " ".join([*connections, *([sockets] if self.realtime else [])]),
            "frame-src": frames,
            "form-action": "'none'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        return "; ".join(f"{name} {value}" for name, value in rules.items())


@contextmanager
def serve_page(listener: socket.socket, config: PageConfig) -> Iterator[None]:
    """Answer on a listening socket for the length of a `with` block; a changed file is served at once."""

    class Handler(_Handler):
        page = config

    server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    thread = threading.Thread(target=server.serve_forever, name="page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    page: PageConfig
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a file, or what stands in for one."""
        path = self.path.partition("?")[0]
        content = self._find("index.html" if path == "/" else path[1:])
        if content is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There is no such file.\n")
        else:
            self._send(HTTPStatus.OK, *content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal is the command's."""

    def _find(self, name: str) -> tuple[str, bytes] | None:
        if name == "config.js":
            return _TYPES[".js"], self.page.to_module().encode()
        if name == "supabase-js.js":
            # The browser bundle of the npm package is one `var supabase = …`; this makes it a module.
            return _TYPES[".js"], SUPABASE_JS.read_bytes() + b"\nexport const { createClient } = supabase;\n"
        path = FILES / name
        if path.parent != FILES or path.suffix not in _TYPES or not path.is_file():
            return None
        return _TYPES[path.suffix], path.read_bytes()

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        # A return URL holds a client secret, which is nobody else's business.
        self.send_header("Referrer-Policy", "no-referrer")
        if kind == _TYPES[".html"]:
            self.send_header("Content-Security-Policy", self.page.to_policy(body.decode()))
        self.end_headers()
        self.wfile.write(body)


def _import_map_hash(html: str) -> str:
    """The one inline script of the page, as a policy names it."""
    found = re.search(r'<script type="importmap">(.*?)</script>', html, re.DOTALL)
    digest = hashlib.sha256(found[1].encode() if found else b"").digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
