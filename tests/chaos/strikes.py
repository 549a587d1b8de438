"""A database in which postings fail now and then, as it would by a lost race or a full disk."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.log_lines import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg
    from psycopg.rows import DictRow

EVERY = 9
"""One posting in so many fails. A sequence counts them, as no rollback takes its numbers back."""

_STRIKE = "struck on purpose"


@contextmanager
def striking(connection: psycopg.Connection[DictRow]) -> Iterator[None]:
    """Let postings fail for the length of a `with` block; each is right when it is tried again."""
    for statement in (
        "create schema strikes",
        "create sequence strikes.postings",
        f"""
        create function strikes.strike() returns trigger language plpgsql as $$
        begin
          if nextval('strikes.postings') % {EVERY} = 0 then raise exception '{_STRIKE}'; end if;
          return new;
        end $$
        """,
        """
        create trigger strike before insert on credits.ledger_entries
        for each row execute function strikes.strike()
        """,
    ):
        connection.execute(statement.encode())
    connection.commit()
    try:
        yield
    finally:
        connection.execute("drop schema strikes cascade")
        connection.commit()


def read_failures(log: Path) -> tuple[int, list[str]]:
    """How many events the service said have failed by a strike, and the reasons of any others."""
    reasons = [line["reason"] for line in read_log(log) if line["event"] == "event failed"]
    others = [reason for reason in reasons if _STRIKE not in reason]
    return len(reasons) - len(others), others
