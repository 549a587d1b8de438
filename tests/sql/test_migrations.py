"""`sql/` says what the schema is, `supabase/migrations/` how to get there: both must end at the same."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest
from psycopg import sql

from service.sandbox.node import LOCAL_STACK
from tests.sql.scratch import DECLARED, MIGRATIONS, build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANGES: dict[LiteralString, str] = {
    "alter table credits.packages add column colour text": '"colour" text',
    "alter table credits.packages alter column description drop default": '"description" DROP DEFAULT',
    "alter table credits.refunds drop constraint refunds_status_is_known": "refunds_status_is_known",
    "drop index credits.refunds_by_purchase": "refunds_by_purchase",
    "drop trigger ledger_entries_are_append_only on credits.ledger_entries": "ledger_entries_are_append_only",
    'drop policy "Users can see their own account" on credits.accounts': "Users can see their own account",
    "alter table credits.disputes disable row level security": "DISABLE ROW LEVEL SECURITY",
    "grant select on public.credit_ledger to anon": '"public"."credit_ledger" TO "anon"',
    "grant select (name) on credits.packages to anon": 'GRANT SELECT ("name")',
    "grant execute on function public.forget_user(uuid) to anon": '"public"."forget_user"(uuid) TO "anon"',
    "revoke usage on schema credits from authenticated": 'ON SCHEMA "credits" FROM "authenticated"',
    "comment on view public.credit_balance is 'Another'": "'Another'",
    "alter function public.explain_credits(text) security invoker": "public.explain_credits",
    "alter view public.credit_transactions reset (security_invoker)": '"public"."credit_transactions"',
    "alter publication supabase_realtime drop table credits.accounts": 'DROP TABLE "credits"."accounts"',
}
"""One change of each kind, and what the difference must say, once."""


@pytest.fixture(scope="module")
def declared(database_url: str) -> Iterator[str]:
    with build(database_url, DECLARED) as url:
        yield url


@pytest.fixture(scope="module")
def migrated(database_url: str) -> Iterator[str]:
    with build(database_url, MIGRATIONS) as url:
        yield url


def find_difference(before: str, after: str, home: Path) -> str:
    """The SQL that leads from one database to the other, by the Supabase CLI that writes migrations too."""
    cli = LOCAL_STACK / "node_modules" / ".bin" / "supabase"
    command = [str(cli), "db", "diff", "--use-pg-delta", "--strict-coverage", "--from", before, "--to", after]
    ended = subprocess.run(
        [*command, "--agent", "no"],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PGSSLMODE": "disable", "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def read_rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table that the schema itself fills."""
    with psycopg.connect(url) as database:
        tables = database.execute(
            "select relname from pg_class where relnamespace = 'credits'::regnamespace and relkind = 'r'"
        ).fetchall()
        rows = {
            name: database.execute(sql.SQL("table {}").format(sql.Identifier("credits", name))).fetchall()
            for (name,) in tables
        }
    return {name: found for name, found in rows.items() if found}


def test_the_migrations_lead_to_the_declared_schema(declared: str, migrated: str, tmp_path: Path) -> None:
    assert find_difference(migrated, declared, tmp_path) == ""


def test_the_migrations_put_in_the_declared_rows(declared: str, migrated: str) -> None:
    assert read_rows(declared).keys() == {"settings"}
    assert read_rows(migrated) == read_rows(declared)


def test_a_change_of_any_kind_is_noticed(database_url: str, migrated: str, tmp_path: Path) -> None:
    with build(database_url, DECLARED) as changed:
        with psycopg.connect(changed) as scratch:
            for change in CHANGES:
                scratch.execute(change)
        difference = find_difference(migrated, changed, tmp_path)
    assert [change for change, trace in CHANGES.items() if difference.count(trace) != 1] == []
