"""Whatever is done to an account, in whatever order: Postgres and an independent model agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from tests.sql.database import audit
from tests.sql.spending_player import SpendingPlayer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg.rows import DictRow

Step = tuple[str, int, int]

STEPS = (
    *("give", "give", "give", "buy", "buy"),
    *("spend", "spend", "spend", "hold", "hold", "hold", "capture", "capture", "release", "refund", "refund"),
    *("take_back", "take_back", "dispute", "win", "wait", "wait", "wait", "expire"),
)

_choice = st.integers(0, 59)
programs = st.lists(st.tuples(st.sampled_from(STEPS), _choice, _choice), min_size=10, max_size=40)


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        yield connection
        connection.rollback()


def play(connection: psycopg.Connection[DictRow], program: Sequence[Step], *, may_overrun: bool) -> None:
    with SpendingPlayer.begin(connection, may_overrun=may_overrun) as player:
        for step in program:
            player.step(*step)
        player.end()
        findings = [one for one in audit(player.db) if one["user_id"] == player.user_id]
        assert findings == []


def played(connection: psycopg.Connection[DictRow], examples: int) -> int:
    """Play so many programs; give how many were played."""
    count = 0

    @settings(max_examples=examples, phases=[Phase.generate, Phase.shrink])
    @given(program=programs, may_overrun=st.booleans())
    def play_one(program: Sequence[Step], *, may_overrun: bool) -> None:
        nonlocal count
        play(connection, program, may_overrun=may_overrun)
        count += 1

    play_one()
    return count


def test_postgres_agrees_with_the_model(connection: psycopg.Connection[DictRow]) -> None:
    assert played(connection, 12) >= 12


@pytest.mark.slow
def test_postgres_agrees_with_the_model_over_many_programs(connection: psycopg.Connection[DictRow]) -> None:
    assert played(connection, 100) >= 100
