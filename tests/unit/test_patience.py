from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service import patience
from service.errors import FailedError, RateLimitedError, UnavailableError
from service.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("asyncio.sleep", clock.sleep)
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    return clock


def failing(*errors: Exception) -> Callable[[str], object]:
    left = list(errors)

    async def ask(question: str) -> str:
        if left:
            raise left.pop(0)
        return f"answer to {question}"

    return ask


async def test_pauses_double(clock: Clock) -> None:
    ask = failing(*(UnavailableError("down") for _ in range(4)))
    assert await patiently(ask, "it") == "answer to it"  # type: ignore[arg-type]
    assert clock.pauses == [0.5, 1, 2, 4]


async def test_rate_limit_is_waited_out_for_as_long_as_it_says(clock: Clock) -> None:
    ask = failing(RateLimitedError(7), RateLimitedError(None))
    await patiently(ask, "it")  # type: ignore[arg-type]
    assert clock.pauses == [7.5, 1]


async def test_outage_ends_the_patience_in_the_end(clock: Clock) -> None:
    ask = failing(*(UnavailableError("down") for _ in range(99)))
    with pytest.raises(UnavailableError):
        await patiently(ask, "it")  # type: ignore[arg-type]
    assert clock.now <= patience.PATIENCE
    assert max(clock.pauses) == 30


async def test_limit_beyond_all_patience_is_not_waited_for(clock: Clock) -> None:
    with pytest.raises(RateLimitedError):
        await patiently(failing(RateLimitedError(3600)), "it")  # type: ignore[arg-type]
    assert clock.pauses == []


async def test_what_only_a_person_can_repair_is_not_asked_again(clock: Clock) -> None:
    with pytest.raises(FailedError):
        await patiently(failing(FailedError("wrong_key")), "it")  # type: ignore[arg-type]
    assert clock.pauses == []
