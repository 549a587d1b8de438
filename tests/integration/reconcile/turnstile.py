"""Stands before Stripe: limits the rate, hides lists, and counts who goes through."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from tests.integration.service.interposer import Interposer
from tests.integration.service.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMITED = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}}
_EMPTY: dict[str, Any] = {"object": "list", "data": [], "has_more": False, "url": "/v1"}


class Turnstile(Interposer):
    """An `Interposer` with rules of its own.

    Attributes:
        hidden: Paths whose lists are empty, as if Stripe had forgotten them.
        refusals: How many of the coming requests are refused with 429.
        retry_after: Seconds that a refusal asks to wait; None leaves the header out.
        refused_at: When requests were refused (monotonic seconds).
        passed_at: When requests were let through.
        gated: A pattern of paths of which `gate` have to be under way before any is let through.
        most_at_once: The most of those that were under way at the same time.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.hidden: set[str] = set()
        self.refusals = 0
        self.retry_after: int | None = None
        self.refused_at: list[float] = []
        self.passed_at: list[float] = []
        self.gated = "(?!)"
        self.gate = 0
        self.most_at_once = 0
        self._under_way = 0
        self._counting = threading.Condition()

    def release(self) -> None:
        """Let the kept answer go."""
        self._released.set()

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        """The upstream's answer, or one by the rules."""
        with self._counting:
            refused = self.refusals > 0
            self.refusals -= refused
            (self.refused_at if refused else self.passed_at).append(time.monotonic())
        if refused:
            wait = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            return httpx.Response(429, json=_LIMITED, headers=wait)
        if method == "GET" and urlsplit(path).path in self.hidden:
            return httpx.Response(200, json=_EMPTY)
        if not re.search(self.gated, path):
            return super().forward(method, path, headers, body)
        with self._at_gate():
            return super().forward(method, path, headers, body)

    @contextmanager
    def _at_gate(self) -> Iterator[None]:
        with self._counting:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            self._counting.notify_all()
            opened = self._counting.wait_for(lambda: self.most_at_once >= self.gate, PATIENCE)
            assert opened, f"only {self.most_at_once} requests at once"
        try:
            yield
        finally:
            with self._counting:
                self._under_way -= 1
