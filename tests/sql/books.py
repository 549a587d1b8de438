"""What an accountant reads: the journal of one user, and the trial balance of a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from tests.sql.database import Database

Accounts = dict[str, "Decimal"]


def this_moment(db: Database) -> datetime:
    """Give a time after all entries so far and before all that follow."""
    return db.value(datetime, "select clock_timestamp()")


def money(db: Database, user_id: UUID, currency: str) -> Accounts:
    """Sum the user's journal in one currency, account by account."""
    rows = db.rows(
        "select account, sum(amount) as amount from credits.journal "
        "where user_id = %s and currency = %s group by account",
        user_id,
        currency,
    )
    return {row["account"]: row["amount"] for row in rows}


def in_credits(db: Database, user_id: UUID) -> Accounts:
    """Sum the user's journal in credits, account by account."""
    rows = db.rows(
        "select account, sum(credits) as credits from credits.journal where user_id = %s group by account",
        user_id,
    )
    return {row["account"]: row["credits"] for row in rows}


@dataclass(frozen=True)
class Line:
    """One account in a trial balance."""

    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal


def trial_balance(
    db: Database, unit: str, since: datetime | None = None, until: datetime | None = None
) -> dict[str, Line]:
    """Read credit_report, of all entries unless told otherwise, and check that it adds up."""
    rows = db.rpc_rows("credit_report", since=since or "-infinity", until=until or this_moment(db))
    lines = {
        row["account"]: Line(row["opening"], row["debit"], row["credit"], row["closing"])
        for row in rows
        if row["unit"] == unit
    }
    for line in lines.values():
        assert line.opening + line.debit - line.credit == line.closing
    for column in ("opening", "closing"):
        assert sum(getattr(line, column) for line in lines.values()) == 0
    assert sum(line.debit for line in lines.values()) == sum(line.credit for line in lines.values())
    return lines
