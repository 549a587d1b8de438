"""uvicorn's HTTP/1.1 protocol, with a way for the application to cut the connection."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CUT = "service.sandbox.simulator.cut"
"""The ASGI extension: a function without arguments that ends the connection as a failing network would."""


class CuttableProtocol(HttpToolsProtocol):
    """Lets a request's scope hold the end of its connection."""

    def on_message_begin(self) -> None:
        """Begin the scope of a request."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self.transport.abort}  # type: ignore[dict-item]  # a function, not settings
