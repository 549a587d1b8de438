"""Waiting for what will happen, and letting things happen at the same moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which something that should happen counts as not happening."""

_PAUSE = 0.02


def eventually(probe: Callable[[], T], what: str) -> T:
    """Ask until the answer is truthy, and give it."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"not after {PATIENCE:.0f} s: {what}"
        time.sleep(_PAUSE)
    return answer


def at_once(count: int, call: Callable[[int], T]) -> list[T]:
    """Call with 0 … count - 1, all in threads that begin together."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait(PATIENCE)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
