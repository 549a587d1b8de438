"""spend_credits: usage is charged once per key, and never beyond what is there."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql import events
from tests.sql.purchases import balance, new_user
from tests.sql.spending import (
    SMALLEST,
    Shown,
    buy,
    give,
    history,
    hold,
    refund,
    remaining,
    shown,
    spend,
    user_with,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sql.database import Database


@contextmanager
def insufficient(db: Database, **hint: str) -> Iterator[None]:
    """Expect 402 with these figures in its hint."""
    with pytest.raises(psycopg.Error) as caught, db.connection.transaction():
        yield
    assert (caught.value.sqlstate, caught.value.diag.message_detail) == ("PT402", "insufficient_credits")
    told = json.loads(caught.value.diag.message_hint or "", parse_float=Decimal)
    assert {name: str(figure) for name, figure in told.items()} == hint


def test_spend_takes_credits_and_the_user_sees_for_what(db: Database) -> None:
    user_id = user_with(db, "10")
    answer = spend(db, user_id, "2.5", description="Translation", metadata=Jsonb({"pages": 3}))
    assert (answer["balance"], answer["created"]) == (Decimal("7.50"), True)
    with db.acting_as("authenticated", user_id):
        [entry] = db.rows("select * from public.credit_ledger where id = %s", answer["entry_id"])
    assert (entry["kind"], entry["amount"], entry["balance_after"]) == (
        "spend",
        Decimal("-2.50"),
        Decimal("7.50"),
    )
    assert (entry["description"], entry["metadata"]) == ("Translation", {"pages": 3})


def test_credits_can_be_spent_to_the_last_millionth(db: Database) -> None:
    user_id = user_with(db, "1")
    assert spend(db, user_id, "0.999999")["balance"] == SMALLEST
    assert spend(db, user_id, SMALLEST)["balance"] == 0
    with insufficient(db, balance="0.00", available="0.00", shortfall="0.000001"):
        spend(db, user_id, SMALLEST)


def test_same_key_gives_the_first_answer_again_and_takes_nothing(db: Database) -> None:
    user_id = user_with(db, "10")
    first = spend(db, user_id, "7", "key", metadata=Jsonb({"a": 1}))
    spend(db, user_id, "3")
    assert spend(db, user_id, "7.0", "key", metadata=Jsonb({"a": 1})) == first | {"created": False}
    assert balance(db, user_id) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal(2)},
        {"description": "Other usage"},
        {"metadata": Jsonb({"a": 2})},
        {"metadata": None},
    ],
)
def test_key_with_other_arguments_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id = user_with(db, "10")
    spend(db, user_id, "1", "key", metadata=Jsonb({"a": 1}))
    with db.refused("PT409", "idempotency_key_reused"):
        spend(db, user_id, "1", "key", **{"metadata": Jsonb({"a": 1})} | change)
    assert balance(db, user_id) == 9


def test_keys_of_two_users_and_of_two_functions_do_not_meet(db: Database) -> None:
    for user_id in (user_with(db, "3"), user_with(db, "3")):
        assert spend(db, user_id, "1", "key")["created"]
        assert hold(db, user_id, "1", "key")["created"]
        assert shown(db, user_id) == Shown(balance=2, held=1)


def test_too_large_a_spend_is_refused_and_says_what_is_missing(db: Database) -> None:
    user_id = user_with(db, "10")
    hold(db, user_id, "4")
    with insufficient(db, balance="10.00", available="6.00", shortfall="0.50"):
        spend(db, user_id, "6.5")
    assert spend(db, user_id, "6")["balance"] == 4


def test_user_who_never_had_credits_cannot_spend_and_gets_no_account(db: Database) -> None:
    user_id = new_user(db)
    with insufficient(db, balance="0.00", available="0.00", shortfall="1.00"):
        spend(db, user_id, "1")
    assert db.column("select true from credits.accounts where user_id = %s", user_id) == []


def test_debt_blocks_spending(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    spend(db, user_id, "12")
    assert events.deliver(db, events.refund(purchase, "re_1", 1500)) == ["applied"]
    assert shown(db, user_id) == Shown(balance=-12)
    with insufficient(db, balance="-12.00", available="0.00", shortfall="12.000001"):
        spend(db, user_id, SMALLEST)


def test_debt_is_paid_off_by_the_next_purchase(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    spend(db, user_id, "12")
    events.deliver(db, events.refund(purchase, "re_1", 1500))
    buy(db, user_id, 20)
    assert shown(db, user_id) == Shown(balance=8)
    with insufficient(db, balance="8.00", available="8.00", shortfall="1.00"):
        spend(db, user_id, "9")
    assert spend(db, user_id, "8")["balance"] == 0


def test_debtor_who_gets_the_shortfall_can_spend(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    spend(db, user_id, "12")
    events.deliver(db, events.refund(purchase, "re_1", 1500))
    with insufficient(db, balance="-12.00", available="0.00", shortfall="17.00"):
        spend(db, user_id, "5")
    give(db, user_id, "17")
    assert spend(db, user_id, "5")["balance"] == 0


def test_same_key_is_answered_again_in_debt(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    first = spend(db, purchase.user_id, "12", "key")
    events.deliver(db, events.refund(purchase, "re_1", 1500))
    assert spend(db, purchase.user_id, "12", "key") == first | {"created": False}


def test_spends_stand_in_the_history_in_their_order(db: Database) -> None:
    user_id = user_with(db, "6")
    for amount in (1, 2, 3):
        spend(db, user_id, amount)
    assert history(db, user_id) == [("grant", 6), ("spend", -1), ("spend", -2), ("spend", -3)]
    assert list(remaining(db, user_id).values()) == [0]
    with db.acting_as("authenticated", user_id):
        [ascending] = db.column(
            "select array_agg(id order by created_at) = array_agg(id order by id) from public.credit_ledger"
        )
    assert ascending


def test_history_goes_on_where_it_was_when_the_clock_is_put_back(db: Database) -> None:
    user_id = user_with(db, 6)
    [newest] = db.column(
        "update credits.accounts set last_entry_at = now() + interval '1 day' where user_id = %s "
        "returning last_entry_at",
        user_id,
    )
    spent = spend(db, user_id, 1)
    entries = [spent["entry_id"], give(db, user_id, 1), refund(db, user_id, spent, 1)["refund_entry_id"]]
    posted = db.column(
        "select created_at from credits.ledger_entries where user_id = %s and id = any(%s) order by id",
        user_id,
        entries,
    )
    assert [at - newest for at in posted] == [timedelta(microseconds=step) for step in (1, 2, 3)]
