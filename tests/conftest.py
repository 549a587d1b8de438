"""One stack for the whole run: real Postgres, PostgREST and auth, the Stripe simulator, and the service."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from service.sandbox.stack import Stack, start_stack
from tests.chosen import choose_supabase

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a shell starts in the background ignores SIGINT, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no failure; the same examples run everywhere.
settings.register_profile(
    "topup", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("topup")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running stack, started by the first test that asks for it; TOPUP_TEST_STACK tells on what."""
    with start_stack(supabase=choose_supabase(), settings={"TOPUP_LOG_LEVEL": "debug"}) as running:
        yield running
