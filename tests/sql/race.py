"""Many connections that do something at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg.rows import dict_row

from tests.sql.database import Database, rpc_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.rows import DictRow

T = TypeVar("T")

_MEET_SECONDS = 120


def race(database_url: str, runs: Sequence[Callable[[Database], T]]) -> list[T]:
    """Run each of these on a connection of its own, in service_role, every statement committed.

    All start together once the last one is connected. Results come in the order of `runs`.
    """
    barrier = Barrier(len(runs))

    def run(one: Callable[[Database], T]) -> T:
        with psycopg.connect(
            database_url, row_factory=dict_row, autocommit=True, options="-c role=service_role"
        ) as connection:
            barrier.wait(_MEET_SECONDS)
            return one(Database(connection))

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(run, runs))


def call(db: Database, function: str, **arguments: object) -> DictRow:
    """Call a function of `public` in one statement, and so in one transaction."""
    [row] = db.rows(rpc_query(function, arguments), *arguments.values())
    return row


def answer_or_code(db: Database, function: str, **arguments: object) -> DictRow | str:
    """Give the answer, or the code of an error of ours, as in "PT409 payment_intent_conflict"."""
    try:
        return call(db, function, **arguments)
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.message_detail}"
