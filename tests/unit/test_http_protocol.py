from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn
from uvicorn.server import ServerState

from service import http_protocol
from service.http_protocol import BoundedHttpProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar.types import Receive, Scope, Send

HEAD_SECONDS = 1.0
PATIENCE = 60


async def slow_app(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(1.5 * HEAD_SECONDS)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def connected(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to `slow_app`, which waits for a head for HEAD_SECONDS."""
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", HEAD_SECONDS)
    config = uvicorn.Config(slow_app, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()


async def read(reader: asyncio.StreamReader, size: int = -1) -> bytes:
    return await asyncio.wait_for(reader.read(size), PATIENCE)


async def test_silent_connection_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(monkeypatch) as (reader, _):
        assert await read(reader) == b""


async def test_head_that_never_ends_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(monkeypatch) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: topup\r\n")
        assert await read(reader) == b""


@pytest.mark.slow
async def test_slow_answer_is_waited_for_and_the_next_head_has_its_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected(monkeypatch) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: topup\r\n\r\n")
        assert (await read(reader, 65536)).startswith(b"HTTP/1.1 204 ")
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await read(reader) == b""
