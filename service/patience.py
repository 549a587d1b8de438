"""Asking again: a rate limit, an outage or a restart in the middle of a long run is no reason to give up."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from service.errors import RateLimitedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")
_P = ParamSpec("_P")

PATIENCE: Final = 180.0
"""Seconds without any success after which it is an outage, for a person or the next run to deal with."""

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0


async def patiently(ask: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """The answer of `ask`, asked again after each `UnavailableError` until PATIENCE seconds have passed.

    Pauses double, with jitter (Stripe's documentation, "Rate limits"), and are at least what Stripe asks for.
    """
    deadline = time.monotonic() + PATIENCE
    pause = _FIRST_PAUSE
    while True:
        try:
            return await ask(*args, **kwargs)
        except UnavailableError as error:
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, hides nothing
            if isinstance(error, RateLimitedError) and error.wait is not None:
                wait += error.wait
            if time.monotonic() + wait > deadline:
                raise
        await asyncio.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)
