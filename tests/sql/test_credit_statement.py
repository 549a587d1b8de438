"""credit_statement: what an account held and moved in a period."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.sql.books import this_moment
from tests.sql.events import deliver, refund
from tests.sql.purchases import new_user
from tests.sql.spending import DAY, buy, give, let_pass, spend, user_with

if TYPE_CHECKING:
    from uuid import UUID

    from tests.sql.database import Database


def statement(db: Database, user_id: UUID, since: datetime, until: datetime) -> dict[str, Any]:
    """Read the statement, and check that it adds up."""
    told: dict[str, Any] = db.rpc("credit_statement", user_id=user_id, since=since, until=until)[
        "credit_statement"
    ]
    moved = sum(total["amount"] for total in told["totals"].values())
    assert told["opening"] + moved == told["closing"]
    return told


def test_statement_tells_what_was_held_and_moved(db: Database) -> None:
    purchase = buy(db, credit_amount=10)
    user_id = purchase.user_id
    since = this_moment(db)
    give(db, user_id, 4, expires_in=DAY)
    for amount in (1, 2):
        spend(db, user_id, amount)
    let_pass(db, user_id, DAY)
    spend(db, user_id, 3)
    until = this_moment(db)
    deliver(db, refund(purchase, "re_1", 1500))
    told = statement(db, user_id, since, until)
    assert (told["user_id"], told["currency"]) == (str(user_id), "usd")
    assert datetime.fromisoformat(told["since"]) == since
    assert datetime.fromisoformat(told["until"]) == until
    assert (told["opening"], told["closing"]) == (10, 7)
    assert told["totals"] == {
        "grant": {"entries": 1, "amount": 4},
        "spend": {"entries": 3, "amount": -6},
        "expiry": {"entries": 1, "amount": -1},
    }
    assert statement(db, user_id, until, until + DAY)["closing"] == -3


def test_statements_one_after_the_other_join(db: Database) -> None:
    user_id = user_with(db, 10)
    moments = [this_moment(db)]
    for amount in (1, 2, 3):
        spend(db, user_id, amount)
        moments.append(this_moment(db))
    told = [statement(db, user_id, *period) for period in pairwise(moments)]
    assert [one["opening"] for one in told] == [10, 9, 7]
    assert [one["closing"] for one in told] == [9, 7, 4]


def test_a_moment_belongs_to_the_period_that_it_begins(db: Database) -> None:
    user_id = user_with(db, 10)
    [given] = db.column("select created_at from credits.ledger_entries where user_id = %s", user_id)
    after = given + timedelta(microseconds=1)
    assert statement(db, user_id, given, after)["totals"] == {"grant": {"entries": 1, "amount": 10}}
    before = statement(db, user_id, given - DAY, given)
    assert (before["opening"], before["closing"], before["totals"]) == (0, 0, {})
    assert statement(db, user_id, after, after + DAY)["opening"] == 10


def test_entries_of_the_statement_are_those_of_the_history(db: Database) -> None:
    user_id, other = user_with(db, 10), user_with(db, 10)
    since = this_moment(db)
    for spender in (user_id, other):
        spend(db, spender, 1)
    until = this_moment(db)
    with db.acting_as("authenticated", user_id):
        entries = db.column(
            "select amount from public.credit_ledger where created_at >= %s and created_at < %s", since, until
        )
    assert statement(db, user_id, since, until)["totals"] == {"spend": {"entries": 1, "amount": sum(entries)}}


def test_statement_of_no_account_is_not_found(db: Database) -> None:
    moment = this_moment(db)
    for user_id in (uuid4(), new_user(db)):
        with db.refused("PT404", "account_not_found"):
            statement(db, user_id, moment, moment + DAY)


@pytest.mark.parametrize(
    "change",
    [{"user_id": None}, {"since": None}, {"until": None}, {"until": "2026-01-01"}, {"until": "2025-12-31"}],
)
def test_period_must_begin_before_it_ends(db: Database, change: dict[str, object]) -> None:
    arguments = {"user_id": user_with(db, 1), "since": "2026-01-01", "until": "2026-02-01"}
    with db.refused("PT400", "invalid_argument"):
        db.rpc("credit_statement", **arguments | change)
