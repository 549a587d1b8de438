from __future__ import annotations

import asyncio

import pytest

from service.sandbox.simulator.activity import Activity
from service.sandbox.simulator.later import Later


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_is_planned_happens_once_whether_by_the_clock_or_at_once() -> None:
    activity, happened = Activity(), []
    later = Later(0.01, activity)
    later.plan(lambda: happened.append("by the clock"))
    assert await activity.wait_until_quiet(60)
    later.plan(lambda: happened.append("at once"))
    assert later.run_all() == 1
    assert await activity.wait_until_quiet(60)
    await asyncio.sleep(0.05)
    assert happened == ["by the clock", "at once"]


async def test_running_all_runs_what_it_causes_too() -> None:
    activity, happened = Activity(), []
    later = Later(3600, activity)

    def first() -> None:
        happened.append("first")
        later.plan(lambda: happened.append("second"))

    later.plan(first)
    assert later.run_all() == 2
    assert happened == ["first", "second"]
    assert activity.pending == 0


async def test_nothing_happens_after_a_cancel() -> None:
    activity, happened = Activity(), []
    later = Later(0.01, activity)
    later.plan(lambda: happened.append("too late"))
    later.cancel()
    await asyncio.sleep(0.05)
    assert happened == []
    assert activity.pending == 0
