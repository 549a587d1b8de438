"""open_credit_purchase: what it copies, what it repeats, what it refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.sql.events import deliver, dispute, payment
from tests.sql.purchases import new_package, new_user, open_purchase

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from tests.sql.database import Database


def open_package(
    db: Database, user_id: UUID, package_id: UUID, key: str | None, /, **changes: object
) -> DictRow:
    arguments = {
        "user_id": user_id,
        "package_id": package_id,
        "livemode": False,
        "idempotency_key": key,
        "payment_method_id": "pm_1",
    }
    return db.rpc("open_credit_purchase", **arguments | changes)


def test_purchase_copies_price_and_credits_of_the_package(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db, 1999, "eur", Decimal("25.5"))
    opened = open_package(db, user_id, package_id, "key")

    transaction_id = opened.pop("transaction_id")
    assert isinstance(transaction_id, UUID)
    assert opened == {
        "amount_minor": 1999,
        "currency": "eur",
        "credits": Decimal("25.5"),
        "description": "Test Package purchase",
        "stripe_customer_id": None,
        "stripe_payment_intent_id": None,
        "status": "pending",
        "created": True,
    }


def test_purchase_keeps_its_price_when_the_package_changes(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db, 1500)
    first = open_package(db, user_id, package_id, "key")
    db.execute("update credits.packages set amount_minor = 9900, credits = 1 where id = %s", package_id)

    assert open_package(db, user_id, package_id, "key") == first | {"created": False}
    assert open_package(db, user_id, package_id, "another")["amount_minor"] == 9900


def test_purchase_tells_the_customer_of_the_same_mode(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db)
    db.rpc("save_stripe_customer", user_id=user_id, livemode=False, customer_id="cus_Test")
    db.rpc("save_stripe_customer", user_id=user_id, livemode=True, customer_id="cus_Live")

    assert open_package(db, user_id, package_id, None)["stripe_customer_id"] == "cus_Test"
    assert open_package(db, user_id, package_id, None, livemode=True)["stripe_customer_id"] == "cus_Live"


def test_same_key_gives_the_same_purchase_with_its_payment_intent(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db)
    first = open_package(db, user_id, package_id, "key")
    db.rpc("attach_payment_intent", transaction_id=first["transaction_id"], payment_intent_id="pi_Same")

    again = open_package(db, user_id, package_id, "key")
    assert again == first | {"created": False, "stripe_payment_intent_id": "pi_Same"}


def test_same_key_gives_the_same_purchase_after_the_package_retired(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db)
    first = open_package(db, user_id, package_id, "key")
    db.execute("update credits.packages set is_active = false where id = %s", package_id)
    assert open_package(db, user_id, package_id, "key")["transaction_id"] == first["transaction_id"]


def test_without_a_key_every_call_opens_a_purchase(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db)
    opened = [open_package(db, user_id, package_id, None) for _ in range(2)]
    assert [purchase["created"] for purchase in opened] == [True, True]
    assert opened[0]["transaction_id"] != opened[1]["transaction_id"]


def test_keys_of_two_users_do_not_meet(db: Database) -> None:
    package_id = new_package(db)
    opened = [open_package(db, new_user(db), package_id, "key") for _ in range(2)]
    assert [purchase["created"] for purchase in opened] == [True, True]


@pytest.mark.parametrize(
    "change",
    [
        {"package_id": "another"},
        {"livemode": True},
        {"payment_method_id": "pm_2"},
        {"payment_method_id": None},
    ],
)
def test_key_with_other_arguments_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id, package_id = new_user(db), new_package(db)
    open_package(db, user_id, package_id, "key")
    if "package_id" in change:
        change = {**change, "package_id": new_package(db)}
    with db.refused("PT409", "idempotency_key_reused"):
        open_package(db, user_id, package_id, "key", **change)


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": None},
        {"package_id": None},
        {"livemode": None},
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 256},
    ],
)
def test_missing_or_oversized_argument_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id, package_id = new_user(db), new_package(db)
    with db.refused("PT400", "invalid_argument"):
        open_package(db, user_id, package_id, "key", **change)


def test_key_of_the_longest_length_is_taken(db: Database) -> None:
    assert open_package(db, new_user(db), new_package(db), "k" * 255)["created"]


def test_unknown_user_is_refused(db: Database) -> None:
    with db.refused("PT403", "user_not_found"):
        open_package(db, uuid4(), new_package(db), None)


def test_unknown_package_is_refused(db: Database) -> None:
    with db.refused("PT404", "package_not_found"):
        open_package(db, new_user(db), uuid4(), None)


def test_package_off_sale_is_refused(db: Database) -> None:
    with db.refused("PT404", "package_not_found"):
        open_package(db, new_user(db), new_package(db, is_active=False), None)


def test_refused_purchase_leaves_no_account(db: Database) -> None:
    user_id = new_user(db)
    with db.refused("PT404"):
        open_package(db, user_id, uuid4(), None)
    assert db.column("select user_id from credits.accounts where user_id = %s", user_id) == []


@pytest.fixture
def limited_to_two(db: Database) -> None:
    db.execute("update credits.settings set max_open_purchases = 2")


@pytest.mark.usefixtures("limited_to_two")
def test_one_more_open_purchase_than_the_limit_is_refused(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db)
    for key in ("1", "2"):
        open_package(db, user_id, package_id, key)
    with db.refused("PT429", "too_many_open_purchases"):
        open_package(db, user_id, package_id, "3")

    assert not open_package(db, user_id, package_id, "2")["created"]
    assert open_package(db, new_user(db), package_id, "3")["created"]


@pytest.mark.usefixtures("limited_to_two")
@pytest.mark.parametrize("change", ["succeeded", "processing"])
def test_paid_purchase_counts_no_longer_as_open(db: Database, change: str) -> None:
    user_id, package_id = new_user(db), new_package(db)
    purchases = [open_purchase(db, user_id, package_id) for _ in range(2)]
    assert deliver(db, payment(purchases[0], change)) == ["applied"]
    assert open_package(db, user_id, package_id, "3")["created"]


@pytest.mark.usefixtures("limited_to_two")
@pytest.mark.parametrize("change", ["payment_failed", "requires_action", "canceled"])
def test_failed_and_canceled_purchases_count_against_the_limit(db: Database, change: str) -> None:
    """Who tries cards makes purchases fail; canceling them must not buy more tries."""
    user_id, package_id = new_user(db), new_package(db)
    purchases = [open_purchase(db, user_id, package_id) for _ in range(2)]
    assert deliver(db, *(payment(purchase, change) for purchase in purchases)) == ["applied"] * 2
    with db.refused("PT429", "too_many_open_purchases"):
        open_package(db, user_id, package_id, "3")


@pytest.mark.usefixtures("limited_to_two")
def test_purchases_opened_before_the_window_count_no_longer(db: Database) -> None:
    user_id, package_id = new_user(db), new_package(db)
    for key in ("1", "2"):
        open_package(db, user_id, package_id, key)
    db.execute(
        "update credits.transactions set created_at = created_at - "
        "(select open_purchase_window from credits.settings) where user_id = %s",
        user_id,
    )
    assert open_package(db, user_id, package_id, "3")["created"]


@pytest.mark.parametrize("closing", ["won", "lost", "warning_closed", "prevented"])
def test_user_with_an_open_dispute_is_refused_where_the_setting_says_so(db: Database, closing: str) -> None:
    purchase = open_purchase(db)
    package_id = new_package(db)
    assert deliver(db, payment(purchase, "succeeded"), dispute(purchase, "created", "needs_response")) == [
        "applied",
        "applied",
    ]
    assert open_package(db, purchase.user_id, package_id, None)["created"]

    db.execute("update credits.settings set refuse_disputing_users = true")
    with db.refused("PT403", "dispute_open"):
        open_package(db, purchase.user_id, package_id, None)
    assert open_package(db, new_user(db), package_id, None)["created"]

    assert deliver(db, dispute(purchase, "closed", closing, at=30)) == ["applied"]
    assert open_package(db, purchase.user_id, package_id, None)["created"]
