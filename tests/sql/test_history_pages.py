"""A page of history reads its own rows alone, whatever lies before it: a hundred thousand entries here."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.sql.database import Database
from tests.sql.scratch import DECLARED, build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import DictRow

ENTRIES = 100_000
PURCHASES = 5_000
PAGE = 50
FEW_BLOCKS = 60
"""Blocks of 8 KiB that a page may read: some of an index, and one for each row at worst."""

START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = START + timedelta(seconds=ENTRIES // 2)


class History(NamedTuple):
    """A database of its own with a long history, and whose that is."""

    db: Database
    user_id: UUID


@pytest.fixture(scope="module", name="history")
def write_history(database_url: str) -> Iterator[History]:
    """A database with the history of one user, an entry a second, and some entries of others in between."""
    user_id = uuid4()
    with (
        build(database_url, DECLARED) as url,
        psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection,
    ):
        write(connection, user_id)
        yield History(Database(connection), user_id)


def write(connection: psycopg.Connection[DictRow], user_id: UUID) -> None:
    """Nine of ten entries are the user's, and one of a hundred is a grant."""
    history = {"user": user_id, "start": START, "entries": ENTRIES, "purchases": PURCHASES}
    connection.execute(
        """
        insert into credits.ledger_entries
          (user_id, kind, amount, balance_after, lots, description, key, created_at)
        select
          case when n %% 10 = 0 then gen_random_uuid() else %(user)s end,
          case when n %% 100 = 1 then 'grant' else 'spend' end, 1, n,
          case when n %% 100 = 1 then null else '{"1": 1}'::jsonb end, 'Usage', n::text,
          %(start)s + n * interval '1 second'
        from generate_series(1, %(entries)s) as n
        """,
        history,
    )
    connection.execute("insert into credits.accounts (user_id) values (%(user)s)", history)
    connection.execute(
        """
        with package as (
          insert into credits.packages (name, description, amount_minor, currency, credits)
          values ('Package', '', 500, 'usd', 5)
          returning id
        )
        insert into credits.transactions
          (user_id, package_id, description, amount_minor, currency, credits, livemode, created_at)
        select
          %(user)s, package.id, 'Package', 500, 'usd', 5, false, %(start)s + n / 2 * interval '20 seconds'
        from package, generate_series(1, %(purchases)s) as n
        """,
        history,
    )
    connection.execute("vacuum analyze credits.ledger_entries, credits.transactions")


def explain(history: History, view: str, conditions: str, **values: object) -> dict[str, Any]:
    """How Postgres finds a page of a view for this user, as PostgREST asks for it."""
    order = "created_at desc" if view == "credit_ledger" else "created_at desc, id desc"
    query = f"""
        explain (analyze, buffers, format json)
        with pgrst_source as (
          select * from public.{view} where {conditions} order by {order} limit {PAGE} offset 0
        )
        select coalesce(json_agg(t), '[]')::text from (select * from pgrst_source) as t
    """  # noqa: S608 - what is put together is written here
    with history.db.acting_as("authenticated", history.user_id):
        [row] = history.db.connection.execute(query.encode(), values).fetchall()
    plan: dict[str, Any] = row["QUERY PLAN"][0]["Plan"]
    return plan


def find_scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a plan that read a table of `credits` and its index."""
    found = [plan] if "Scan" in plan["Node Type"] and "Index Name" in plan else []
    return found + [scan for part in plan.get("Plans", []) for scan in find_scans(part)]


CASES = {
    "the newest": ("credit_ledger", "true", "ledger_entries_created_at_is_one"),
    "the next": ("credit_ledger", "created_at < %(before)s", "ledger_entries_created_at_is_one"),
    "of a period": (
        "credit_ledger",
        "created_at >= %(since)s and created_at < %(before)s",
        "ledger_entries_created_at_is_one",
    ),
    "of a rare kind": (
        "credit_ledger",
        "kind = 'grant' and created_at < %(before)s",
        "ledger_entries_by_kind",
    ),
    "of a kind that there is none of": ("credit_ledger", "kind = 'dispute'", "ledger_entries_by_kind"),
    "of the kind that most are": (
        "credit_ledger",
        "kind = 'spend' and created_at < %(before)s",
        "ledger_entries_created_at_is_one",
    ),
    "purchases": ("credit_transactions", "true", "transactions_history"),
    "the next purchases": (
        "credit_transactions",
        "created_at <= %(before)s and (created_at < %(before)s or id < %(id)s)",
        "transactions_history",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_page_reads_its_own_rows_by_an_index(history: History, case: str) -> None:
    view, conditions, index = CASES[case]
    given = {"before": MIDDLE, "since": START + timedelta(hours=1), "id": UUID(int=2**127)}
    # Now and then a session reads the catalogue as well.
    plan = min((explain(history, view, conditions, **given) for _ in range(3)), key=blocks)
    [scan] = [
        scan for scan in find_scans(plan) if scan["Relation Name"] in {"ledger_entries", "transactions"}
    ]
    told = json.dumps(plan, indent=1)
    assert scan["Index Name"] == index, told
    assert "user_id" in scan["Index Cond"], told
    # Nine of ten entries in a row are this user's spends.
    assert scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) <= PAGE + 2, told
    assert blocks(plan) < FEW_BLOCKS + PAGE, told


def blocks(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def test_a_page_of_a_user_is_of_that_user_alone(history: History) -> None:
    with history.db.acting_as("authenticated", history.user_id):
        rows = history.db.rows(
            "select id, user_id, created_at from public.credit_ledger order by created_at desc limit 100"
        )
    assert {row["user_id"] for row in rows} == {history.user_id}
    assert len({row["created_at"] for row in rows}) == 100
