"""Single requests to what runs on this machine: patient, and past a proxy, which is for the world outside."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any

import httpx

PATIENCE = 120.0
"""Seconds; httpx gives up after five, which a busy machine may need for signing somebody up."""

# Loading the certificates is most of what a request takes, though nobody here has one.
_TLS = ssl.create_default_context()


def request(method: str, url: str, **more: Any) -> httpx.Response:
    """`httpx.request` on a connection of its own."""
    return httpx.request(method, url, **more, timeout=PATIENCE, trust_env=False, verify=_TLS)


get = partial(request, "GET")
post = partial(request, "POST")
options = partial(request, "OPTIONS")
delete = partial(request, "DELETE")
