"""Failures of the API itself, asked for one by one: slowness, 429s and 500s, answers lost on the way."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Literal

import msgspec

from service.sandbox.simulator.errors import StripeError, api_error

_MESSAGES = {
    429: "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One failure.

    Attributes:
        kind: "refuse": answer with `status` before anything happens. "crash": do the work, then answer 500,
            which an idempotency key remembers. "lose_answer": do the work, then cut the connection.
            "slow": only wait.
        status: The status of "refuse".
        method: The HTTP method it strikes; None for all.
        path: A regular expression that the whole path must match.
        times: How many requests it strikes before it is used up.
        seconds: How long the request is kept waiting, with its idempotency key in use.
    """

    kind: Literal["refuse", "crash", "lose_answer", "slow"]
    status: int = 503
    method: Literal["GET", "POST", "DELETE"] | None = None
    path: str = ".*"
    times: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an expression that is none, and a status that is no failure."""
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path: {error}") from error
        if not 400 <= self.status <= 599:  # noqa: PLR2004 - the statuses of failures
            raise ValueError("status is from 400 to 599")

    @property
    def loses_answer(self) -> bool:
        """Whether the caller never sees the answer."""
        return self.kind == "lose_answer"

    def refuse(self) -> None:
        """Strike before the key is looked at."""
        if self.kind == "refuse":
            code = "rate_limit" if self.status == 429 else None  # noqa: PLR2004 - too many requests
            kind = "invalid_request_error" if self.status < 500 else "api_error"  # noqa: PLR2004 - server errors
            message = _MESSAGES.get(self.status, "The Stripe simulator was asked to fail here.")
            raise StripeError(self.status, kind, message, saved=False, code=code)

    def crash(self) -> None:
        """Strike when the work is done."""
        if self.kind == "crash":
            raise api_error()


class Faults:
    """The failures that were asked for and have not struck often enough yet."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Let it strike from now on."""
        self.waiting.append(fault)

    def clear(self) -> None:
        """Forget all, and let the requests go on that are kept waiting."""
        self.waiting.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def keep_waiting(self, fault: Fault) -> None:
        """Keep a request for the fault's time, or until `clear`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._cleared.wait(), fault.seconds)

    def match(self, method: str, path: str) -> Fault | None:
        """The first failure that strikes this request, counted as used."""
        for fault in self.waiting:
            if fault.method in {None, method} and re.fullmatch(fault.path, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
