"""Whether somebody listens at an address, and an address where nobody does."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60


def listens(url: str) -> bool:
    """Whether a connection is taken there now. A socket that closes also resets who waits in its queue."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=_SECONDS).close()
    except ConnectionError:
        return False
    return True


@contextmanager
def nowhere() -> Iterator[str]:
    """The address of a port that refuses connections, and that nobody else gets, for a `with` block."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"
