"""refund_spend: the app gives a spend back, to the lots that it came from."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.sql.events import deliver
from tests.sql.events import refund as refunded_by_stripe
from tests.sql.purchases import balance, new_user
from tests.sql.spending import (
    DAY,
    buy,
    everything,
    give,
    lot_of,
    lots_moved,
    refund,
    remaining,
    spend,
    user_with,
)

if TYPE_CHECKING:
    from tests.sql.database import Database


def test_refund_gives_credits_back_and_names_the_spend(db: Database) -> None:
    user_id = user_with(db, 10)
    spent = spend(db, user_id, 4, description="Translation")
    answer = refund(db, user_id, spent, "1.5")
    assert (answer["balance"], answer["created"]) == (Decimal("7.50"), True)
    with db.acting_as("authenticated", user_id):
        [entry] = db.rows(
            "select kind, amount, spend_id, description from public.credit_ledger where id = %s",
            answer["refund_entry_id"],
        )
    assert entry == {
        "kind": "spend_refund",
        "amount": Decimal("1.50"),
        "spend_id": spent["entry_id"],
        "description": "Refund of Translation",
    }


def test_refund_may_say_why(db: Database) -> None:
    user_id = user_with(db, 10)
    answer = refund(db, user_id, spend(db, user_id, 4), 4, description="Our mistake")
    with db.acting_as("authenticated", user_id):
        assert db.column(
            "select description from public.credit_ledger where id = %s", answer["refund_entry_id"]
        ) == ["Our mistake"]


def test_longest_description_of_a_spend_can_be_refunded(db: Database) -> None:
    user_id = user_with(db, 10)
    assert refund(db, user_id, spend(db, user_id, 4, description="t" * 500), 4)["created"]


def test_same_key_gives_the_first_answer_again_and_gives_nothing(db: Database) -> None:
    user_id = user_with(db, 10)
    spent = spend(db, user_id, 4)
    first = refund(db, user_id, spent, 4, "key")
    spend(db, user_id, 1)
    assert refund(db, user_id, spent, "4.0", "key") == first | {"created": False}
    assert balance(db, user_id) == 9


def test_key_with_other_arguments_is_refused(db: Database) -> None:
    user_id = user_with(db, 10)
    spent, other = spend(db, user_id, 4), spend(db, user_id, 4)
    refund(db, user_id, spent, 2, "key")
    before = everything(db)
    for change in ({"amount": Decimal(1)}, {"description": "Other"}, {"entry_id": other["entry_id"]}):
        with db.refused("PT409", "idempotency_key_reused"):
            refund(db, user_id, spent, 2, "key", **change)
    assert everything(db) == before


def test_no_more_comes_back_than_was_spent_in_however_many_parts(db: Database) -> None:
    user_id = user_with(db, 10)
    spent = spend(db, user_id, 4)
    for amount in ("1", "2.999999"):
        refund(db, user_id, spent, amount)
    with db.refused("PT409", "refund_exceeds_spend"):
        refund(db, user_id, spent, "0.000002")
    assert refund(db, user_id, spent, "0.000001")["balance"] == 10
    with db.refused("PT409", "refund_exceeds_spend"):
        refund(db, user_id, spent, "0.000001")


def test_what_is_no_spend_of_the_user_is_not_refunded(db: Database) -> None:
    user_id, other = user_with(db, 10), user_with(db, 10)
    grant_id = give(db, user_id, 1)
    others = spend(db, other, 4)
    refunded = refund(db, other, others, 1)
    for entry_id in (grant_id, others["entry_id"], 2**62, None):
        with db.refused("PT404", "spend_not_found"):
            refund(db, user_id, {"entry_id": entry_id}, 1)
    with db.refused("PT404", "spend_not_found"):
        refund(db, other, {"entry_id": refunded["refund_entry_id"]}, 1)


def test_lots_are_as_if_the_refunded_part_had_not_been_spent(db: Database) -> None:
    """Part by part, what lasts longest comes back first, and no lot gets more than was taken from it."""
    user_id = new_user(db)
    lots = [
        give(db, user_id, 2, expires_in=DAY),
        give(db, user_id, 2, priority=1),
        give(db, user_id, 2, priority=90),
    ]
    spent = spend(db, user_id, 5)
    backs = []
    for amount in ("0.5", 1, 2, "1.5"):
        entry = refund(db, user_id, spent, amount)
        backs.append(lots_moved(db, user_id, entry["refund_entry_id"]))
    half = Decimal("0.5")
    assert backs == [
        {lots[2]: half},
        {lots[2]: half, lots[1]: half},
        {lots[1]: half + 1, lots[0]: half},
        {lots[0]: half + 1},
    ]
    assert list(remaining(db, user_id).values()) == [2, 2, 2]


def test_two_spends_from_one_lot_are_refunded_apart(db: Database) -> None:
    user_id = user_with(db, 10)
    first, second = spend(db, user_id, 4), spend(db, user_id, 3)
    refund(db, user_id, first, 4)
    with db.refused("PT409", "refund_exceeds_spend"):
        refund(db, user_id, first, 1)
    assert refund(db, user_id, second, 3)["balance"] == 10


def test_refund_of_a_spend_pays_off_the_debt_of_its_purchase(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    spent = spend(db, user_id, 12)
    deliver(db, refunded_by_stripe(purchase, "re_1", 1500))
    assert refund(db, user_id, spent, 12)["balance"] == 0
    assert remaining(db, user_id) == {lot_of(db, purchase): 0}


@pytest.mark.parametrize("amount", ["4", "0.25"])
def test_spend_is_refunded_after_the_same_was_spent_again(db: Database, amount: str) -> None:
    user_id = user_with(db, 4)
    spent = spend(db, user_id, 4)
    refund(db, user_id, spent, amount)
    spend(db, user_id, amount)
    assert balance(db, user_id) == 0
