"""hold_credits, capture_hold, release_hold: reserved first, charged by what was really used."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql.events import deliver, dispute, refund
from tests.sql.purchases import balance
from tests.sql.spending import (
    DAY,
    HOUR,
    Shown,
    buy,
    capture,
    everything,
    give,
    history,
    hold,
    let_pass,
    lot_of,
    lots_moved,
    release,
    remaining,
    shown,
    spend,
    user_with,
)
from tests.sql.spending import refund as give_back

if TYPE_CHECKING:
    from tests.sql.database import Database


def allow_overrun(db: Database) -> None:
    db.execute("update credits.settings set allow_capture_overrun = true")


def test_hold_reserves_credits_without_taking_them(db: Database) -> None:
    user_id = user_with(db, 10)
    answer = hold(db, user_id, "4.5")
    assert (answer["held"], answer["status"], answer["created"]) == (Decimal("4.50"), "open", True)
    assert answer["expires_at"] == db.column("select now() + interval '1 hour'")[0]
    assert shown(db, user_id) == Shown(balance=10, held=Decimal("4.5"))
    assert history(db, user_id) == [("grant", 10)]


def test_what_is_held_cannot_be_spent_or_held_again(db: Database) -> None:
    user_id = user_with(db, 10)
    hold(db, user_id, 7)
    for take in (spend, hold):
        with db.refused("PT402", "insufficient_credits"):
            take(db, user_id, "3.000001")
    hold(db, user_id, 2)
    spend(db, user_id, 1)
    assert shown(db, user_id) == Shown(balance=9, held=9)


def test_capture_takes_what_was_used_and_frees_the_rest(db: Database) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 4, description="Chat", metadata=Jsonb({"model": "a"}))
    answer = capture(db, held, "1.25")
    assert (answer["balance"], answer["created"]) == (Decimal("8.75"), True)
    assert shown(db, user_id) == Shown(balance=Decimal("8.75"))
    with db.acting_as("authenticated", user_id):
        [entry] = db.rows(
            "select kind, amount, description, metadata from public.credit_ledger where id = %s",
            answer["entry_id"],
        )
    assert entry == {
        "kind": "spend",
        "amount": Decimal("-1.25"),
        "description": "Chat",
        "metadata": {"model": "a"},
    }


def test_capture_may_say_more_than_the_hold_did(db: Database) -> None:
    user_id = user_with(db, 10)
    answer = capture(db, hold(db, user_id, 4), 4, description="900 tokens", metadata=Jsonb({"tokens": 900}))
    with db.acting_as("authenticated", user_id):
        rows = db.rows(
            "select description, metadata from public.credit_ledger where id = %s", answer["entry_id"]
        )
    assert rows == [{"description": "900 tokens", "metadata": {"tokens": 900}}]


def test_capture_again_gives_the_same_answer_and_takes_nothing(db: Database) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 4)
    first = capture(db, held, 3, description="Chat")
    spend(db, user_id, 7)
    assert capture(db, held, "3.0", description="Chat") == first | {"created": False}
    assert balance(db, user_id) == 0


@pytest.mark.parametrize(
    "change", [{"amount": Decimal(2)}, {"description": "Other"}, {"metadata": Jsonb({"a": 2})}]
)
def test_capture_again_with_other_arguments_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 4, metadata=Jsonb({"a": 1}))
    capture(db, held, 3)
    arguments = {"hold_id": held["hold_id"], "amount": Decimal(3)}
    with db.refused("PT409", "hold_captured"):
        db.rpc("capture_hold", **arguments | change)
    assert balance(db, user_id) == 7


def test_release_gives_back_what_was_held_once(db: Database) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 4)
    assert release(db, held) == {"status": "released", "released": Decimal("4.00")}
    assert release(db, held) == {"status": "released", "released": Decimal("0.00")}
    assert shown(db, user_id) == Shown(balance=10)
    assert history(db, user_id) == [("grant", 10)]


def test_a_hold_ends_once(db: Database) -> None:
    user_id = user_with(db, 10)
    captured, released = hold(db, user_id, 4), hold(db, user_id, 4)
    capture(db, captured, 4)
    release(db, released)
    before = everything(db)
    with db.refused("PT409", "hold_captured"):
        release(db, captured)
    with db.refused("PT409", "hold_released"):
        capture(db, released, 4)
    assert everything(db) == before


def test_same_key_gives_the_same_hold_again_and_its_newest_status(db: Database) -> None:
    user_id = user_with(db, 10)
    first = hold(db, user_id, 6, "key", metadata=Jsonb({"a": 1}))
    again = hold(db, user_id, "6.0", "key", metadata=Jsonb({"a": 1}))
    assert again == first | {"created": False}
    assert shown(db, user_id) == Shown(balance=10, held=6)
    capture(db, first, 5)
    assert hold(db, user_id, 6, "key", metadata=Jsonb({"a": 1}))["status"] == "captured"
    released = hold(db, user_id, 1, "another")
    release(db, released)
    assert hold(db, user_id, 1, "another") == released | {"created": False, "status": "released"}
    assert shown(db, user_id) == Shown(balance=5)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal(2)},
        {"description": "Other work"},
        {"metadata": None},
        {"expires_in": timedelta(minutes=59)},
    ],
)
def test_key_with_other_arguments_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id = user_with(db, 10)
    hold(db, user_id, 6, "key", metadata=Jsonb({"a": 1}))
    arguments: dict[str, Any] = {"metadata": Jsonb({"a": 1})}
    with db.refused("PT409", "idempotency_key_reused"):
        hold(db, user_id, 6, "key", **arguments | change)
    assert shown(db, user_id) == Shown(balance=10, held=6)


def test_a_hold_lasts_as_long_where_the_clocks_are_about_to_be_turned(db: Database) -> None:
    """A month in which they are has an hour more or less; a hold's 30 days have not."""
    user_id = user_with(db, 10)
    [begins, ends] = db.column(
        "select extract(doy from now() + days * interval '1 day')::int from unnest(array[10, 150]) as days"
    )
    db.execute("select set_config('timezone', %s, true)", f"STD0DST,J{min(begins, 365)},J{min(ends, 365)}")
    held = hold(db, user_id, 1, "key", lasting=30 * DAY)
    assert db.column("select extract(epoch from %s - now()) / 3600", held["expires_at"]) == [720]
    assert not hold(db, user_id, 1, "key", lasting=30 * DAY)["created"]


def test_expired_hold_counts_for_nothing_before_any_job_ran(db: Database) -> None:
    user_id = user_with(db, 10)
    hold(db, user_id, 8)
    let_pass(db, user_id, HOUR)
    assert shown(db, user_id) == Shown(balance=10)
    spend(db, user_id, 10)


def test_hold_counts_until_the_moment_it_expires(db: Database) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 8)
    let_pass(db, user_id, HOUR - timedelta(microseconds=1))
    assert shown(db, user_id) == Shown(balance=10, held=8)
    with db.refused("PT402", "insufficient_credits"):
        spend(db, user_id, 3)
    capture(db, held, 8)


def test_expired_hold_cannot_be_captured_and_says_so_to_release_and_hold(db: Database) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 8, "key")
    let_pass(db, user_id, HOUR)
    with db.refused("PT409", "hold_expired"):
        capture(db, held, 8)
    again = hold(db, user_id, 8, "key")
    assert (again["created"], again["status"]) == (False, "expired")
    assert release(db, held) == {"status": "expired", "released": Decimal("0.00")}
    assert shown(db, user_id) == Shown(balance=10)


def test_capture_of_more_than_is_held_is_refused(db: Database) -> None:
    user_id = user_with(db, 10)
    held = hold(db, user_id, 4)
    before = everything(db)
    with db.refused("PT409", "capture_exceeds_hold"):
        capture(db, held, "4.000001")
    assert everything(db) == before
    assert capture(db, held, 4)["balance"] == 6


def test_overrun_takes_more_than_was_held_where_the_setting_allows_it(db: Database) -> None:
    user_id = user_with(db, 10)
    allow_overrun(db)
    assert capture(db, hold(db, user_id, 4), "6.5")["balance"] == Decimal("3.5")
    assert shown(db, user_id) == Shown(balance=Decimal("3.5"))


def test_overrun_reaches_down_to_zero_and_no_further(db: Database) -> None:
    user_id = user_with(db, 10)
    allow_overrun(db)
    held = hold(db, user_id, 4)
    before = everything(db)
    with db.refused("PT402", "insufficient_credits"):
        capture(db, held, "10.000001")
    assert everything(db) == before
    assert capture(db, held, 10)["balance"] == 0


def test_overrun_leaves_what_other_holds_reserve(db: Database) -> None:
    user_id = user_with(db, 10)
    allow_overrun(db)
    held, other = hold(db, user_id, 4), hold(db, user_id, 3)
    with db.refused("PT402", "insufficient_credits"):
        capture(db, held, "7.000001")
    capture(db, held, 7)
    assert capture(db, other, 3)["balance"] == 0


def test_overrun_makes_no_debt_where_the_payment_was_taken_back(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    allow_overrun(db)
    held = hold(db, purchase.user_id, 4)
    deliver(db, refund(purchase, "re_1", 1500))
    with db.refused("PT402", "insufficient_credits"):
        capture(db, held, "4.000001")
    assert capture(db, held, 4)["balance"] == -4


def test_capture_succeeds_although_the_payment_was_taken_back(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    held = hold(db, user_id, 10)
    deliver(db, refund(purchase, "re_1", 1500))
    assert shown(db, user_id) == Shown(balance=0, held=10)
    answer = capture(db, held, 10)
    assert answer["balance"] == -10
    assert lots_moved(db, user_id, answer["entry_id"]) == {lot_of(db, purchase): -10}
    assert shown(db, user_id) == Shown(balance=-10)


def test_capture_takes_what_is_left_before_the_newest_lot_owes_the_rest(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    newest = give(db, user_id, 2)
    held = hold(db, user_id, 12)
    deliver(db, dispute(purchase, "funds_withdrawn", "needs_response"))
    entry_id = capture(db, held, 12)["entry_id"]
    assert lots_moved(db, user_id, entry_id) == {newest: -12}
    deliver(db, dispute(purchase, "funds_reinstated", "won", at=30))
    assert remaining(db, user_id) == {lot_of(db, purchase): 15, newest: -10}
    assert shown(db, user_id) == Shown(balance=5)


def test_captured_hold_can_be_refunded_as_a_spend(db: Database) -> None:
    user_id = user_with(db, 10)
    captured = capture(db, hold(db, user_id, 4), 4)
    give_back(db, user_id, captured, 4)
    assert history(db, user_id) == [("grant", 10), ("spend", -4), ("spend_refund", 4)]


def test_holds_of_a_user_who_is_forgotten_are_released(db: Database) -> None:
    user_id = buy(db, credit_amount=15).user_id
    captured, held = hold(db, user_id, 4), hold(db, user_id, 5, metadata=Jsonb({"name": "Ada"}))
    capture(db, captured, 4)
    db.rpc("forget_user", user_id=user_id)
    rows = db.rows("select id, status, metadata from credits.holds where user_id = %s", user_id)
    assert {row["id"]: (row["status"], row["metadata"]) for row in rows} == {
        captured["hold_id"]: ("captured", None),
        held["hold_id"]: ("released", None),
    }
    assert db.column("select held from credits.accounts where user_id = %s", user_id) == [0]
