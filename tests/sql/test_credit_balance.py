"""credit_balance: one row that tells what there is, what is held, what can be spent and what expires next."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.sql.purchases import new_user
from tests.sql.spending import DAY, HOUR, Shown, buy, give, hold, let_pass, shown, spend

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg.rows import DictRow

    from tests.sql.database import Database


def row_of(db: Database, user_id: UUID) -> DictRow:
    with db.acting_as("authenticated", user_id):
        [row] = db.rows("select * from public.credit_balance")
    return row


def test_user_without_an_account_has_nothing_of_anything(db: Database) -> None:
    user_id = new_user(db)
    assert row_of(db, user_id) == {
        "user_id": user_id,
        "currency": "usd",
        "balance": 0,
        "held": 0,
        "available": 0,
        "expiring_amount": 0,
        "expiring_at": None,
    }


def test_balance_tells_what_is_held_available_and_expires_next(db: Database) -> None:
    user_id = new_user(db)
    give(db, user_id, 10)
    give(db, user_id, "2.5", expires_in=DAY)
    give(db, user_id, 4, expires_in=2 * DAY)
    hold(db, user_id, "5.25")
    [tomorrow] = db.column("select now() + interval '1 day'")
    figures = {name: str(figure) for name, figure in row_of(db, user_id).items() if name != "user_id"}
    assert figures == {
        "currency": "usd",
        "balance": "16.50",
        "held": "5.25",
        "available": "11.25",
        "expiring_amount": "2.50",
        "expiring_at": str(tomorrow),
    }


def test_lots_that_expire_together_are_told_together(db: Database) -> None:
    user_id = new_user(db)
    give(db, user_id, 1, expires_in=DAY)
    give(db, user_id, 2, expires_in=DAY, priority=7)
    assert shown(db, user_id).expiring == 3


def test_what_is_spent_of_a_lot_does_not_expire(db: Database) -> None:
    user_id = new_user(db)
    give(db, user_id, 2, expires_in=DAY)
    give(db, user_id, 2, expires_in=2 * DAY)
    spend(db, user_id, "0.5")
    assert shown(db, user_id).expiring == Decimal("1.5")
    spend(db, user_id, 2)
    assert shown(db, user_id).expiring == Decimal("1.5")
    assert row_of(db, user_id)["expiring_at"] == db.column("select now() + interval '2 days'")[0]


def test_the_lot_after_the_one_that_lapsed_expires_next(db: Database) -> None:
    user_id = new_user(db)
    give(db, user_id, 1, expires_in=DAY)
    give(db, user_id, 2, expires_in=2 * DAY)
    let_pass(db, user_id, DAY)
    assert shown(db, user_id) == Shown(balance=2, expiring=2)


def test_balance_reads_the_same_before_and_after_the_job(db: Database) -> None:
    user_id = new_user(db)
    give(db, user_id, 5, expires_in=DAY)
    give(db, user_id, 5, expires_in=2 * DAY)
    give(db, user_id, 5)
    hold(db, user_id, 7, lasting=3 * DAY)
    hold(db, user_id, 1, lasting=HOUR)
    for _ in range(4):
        let_pass(db, user_id, DAY)
        before = row_of(db, user_id)
        db.rpc("expire_credits", max_accounts=10_000)
        assert row_of(db, user_id) == before


def test_no_user_learns_what_lapsed_of_another(db: Database) -> None:
    """The function that the view calls with the reader's own rights sees the reader's own rows."""
    owner, reader = new_user(db), buy(db).user_id
    give(db, owner, 5, expires_in=DAY)
    let_pass(db, owner, DAY)
    with db.acting_as("authenticated", reader):
        assert db.rows("select * from credits.lapsed_lots(%s)", owner) == []
        [due] = db.rows("select * from credits.due_of(%s, '-infinity')", owner)
        assert due == {"freed": 0, "lapsing": 0}
    with db.acting_as("authenticated", owner):
        assert db.column("select amount from credits.lapsed_lots(%s)", owner) == [5]


def test_service_role_reads_every_balance(db: Database) -> None:
    user_id = new_user(db)
    give(db, user_id, 5, expires_in=DAY)
    give(db, user_id, 2)
    hold(db, user_id, 1, lasting=HOUR)
    let_pass(db, user_id, DAY)
    with db.acting_as("service_role"):
        rows = db.rows(
            "select balance, held, available from public.credit_balance where user_id = %s", user_id
        )
    assert rows == [{"balance": 2, "held": 0, "available": 2}]
