"""The two protocols that the load generator speaks: HTTP/1.1, and Postgres's own."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final

import httptools

from tests.bench.load import LoadError, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path


class HttpWire(Wire):
    """HTTP/1.1 with keep-alive; a success is any 2xx."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._body = b""

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        self._finish(ok=200 <= status < 300, status=str(status), body=self._body)


def to_http(url: str) -> Callable[[], Awaitable[Wire]]:
    """Connects to a server on this machine, `http://127.0.0.1:<port>`."""
    port = int(url.rpartition(":")[2])

    async def connect() -> Wire:
        _, wire = await asyncio.get_running_loop().create_connection(HttpWire, "127.0.0.1", port)
        return wire

    return connect


def http_request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{key}: {headers[key]}" for key in headers)]
    lines += [f"Content-Length: {len(body)}"] if body or method == "POST" else []
    return "\r\n".join([*lines, "", ""]).encode() + body


_STATEMENT: Final = b"one"
_READY, _ERROR, _ROW = b"ZED"


class PostgresWire(Wire):
    """The frontend/backend protocol 3.0, a prepared statement with one text parameter and one text column.

    A success is any end without an error. Postgres documentation, "Message Formats".
    """

    def __init__(self) -> None:
        super().__init__()
        self._unread = b""
        self._error = ""
        self._row = b""

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        unread = self._unread + data if self._unread else data
        at = 0
        while len(unread) - at > 4:  # a kind of one byte and a length of four
            (length,) = struct.unpack_from("!I", unread, at + 1)
            if len(unread) - at <= length:
                break
            self._take(unread[at], unread[at + 5 : at + 1 + length])
            at += 1 + length
        self._unread = unread[at:]

    def _take(self, kind: int, content: bytes) -> None:
        if kind == _ERROR:
            fields = {part[:1]: part[1:].decode() for part in content.split(b"\0") if part}
            self._error = f"{fields.get(b'C')} {fields.get(b'M')}"
        elif kind == _ROW:
            self._row = content[6:]
        elif kind == _READY:
            error, row, self._error, self._row = self._error, self._row, "", b""
            self._finish(ok=not error, status=error or "ready", body=row)


def to_postgres(sockets: Path, port: int, role: str, statement: str) -> Callable[[], Awaitable[Wire]]:
    """Connects over the unix socket as PostgREST does, and prepares a statement as `role`."""
    path = str(sockets / f".s.PGSQL.{port}")

    async def connect() -> Wire:
        _, wire = await asyncio.get_running_loop().create_unix_connection(PostgresWire, path)
        parameters = b"user\0authenticator\0database\0postgres\0\0"
        await _said(wire, struct.pack("!II", 8 + len(parameters), 196608) + parameters)
        await _said(wire, _message(b"Q", f"set role {role}".encode() + b"\0"))
        parse = _message(b"P", _STATEMENT + b"\0" + statement.encode() + b"\0" + struct.pack("!H", 0))
        await _said(wire, parse + _message(b"S", b""))
        return wire

    return connect


def postgres_request(parameter: bytes) -> bytes:
    """The bytes that execute the prepared statement, in a transaction of its own."""
    bound = b"\0" + _STATEMENT + b"\0" + struct.pack("!HHI", 0, 1, len(parameter)) + parameter
    execute = b"\0" + struct.pack("!I", 0)
    return _message(b"B", bound + struct.pack("!H", 0)) + _message(b"E", execute) + _message(b"S", b"")


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!I", 4 + len(content)) + content


async def _said(wire: Wire, message: bytes) -> None:
    answer = await wire.answer_of(message)
    if not answer.ok:
        raise LoadError(f"Postgres refuses the connection: {answer.status}")
