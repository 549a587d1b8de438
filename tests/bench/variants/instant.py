"""A server that answers every request at once: what the load generator reaches when nothing holds it back."""

from __future__ import annotations

import asyncio
import os
from typing import cast

import httptools
import uvloop

from service.serve import inherit_listener

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n"
_ANSWER = _HEAD + b'{"success":true}'


class Instant(asyncio.Protocol):
    """Reads requests to their end and answers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._transport.write(_ANSWER)


async def main() -> None:
    """Serve until the process is ended."""
    listener = inherit_listener(int(os.environ["LISTEN_FD"]))
    server = await asyncio.get_running_loop().create_server(Instant, sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
