"""save_stripe_customer: one customer per user and mode, the first one saved."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.sql.purchases import new_user

if TYPE_CHECKING:
    from tests.sql.database import Database


def save(db: Database, user_id: UUID | None, customer_id: str | None, **more: object) -> str:
    arguments = {"user_id": user_id, "livemode": False, "customer_id": customer_id} | more
    saved = db.rpc("save_stripe_customer", **arguments)
    assert saved.keys() == {"stripe_customer_id"}
    return str(saved["stripe_customer_id"])


def test_first_customer_saved_counts(db: Database) -> None:
    user_id = new_user(db)
    assert [save(db, user_id, customer) for customer in ("cus_A", "cus_B", "cus_A")] == ["cus_A"] * 3


def test_test_mode_and_live_mode_have_a_customer_each(db: Database) -> None:
    user_id = new_user(db)
    assert save(db, user_id, "cus_A") == "cus_A"
    assert save(db, user_id, "cus_B", livemode=True) == "cus_B"
    assert save(db, user_id, "cus_C") == "cus_A"


def test_deleted_customer_is_replaced_by_name(db: Database) -> None:
    user_id = new_user(db)
    save(db, user_id, "cus_A")
    assert save(db, user_id, "cus_B", replaces="cus_A") == "cus_B"
    assert save(db, user_id, "cus_C", replaces="cus_A") == "cus_B"


def test_customer_of_another_user_is_refused(db: Database) -> None:
    save(db, new_user(db), "cus_A")
    user_id = new_user(db)
    with db.refused("PT409", "customer_conflict"):
        save(db, user_id, "cus_A")
    assert save(db, user_id, "cus_B") == "cus_B"


def test_customer_of_the_other_mode_is_refused(db: Database) -> None:
    user_id = new_user(db)
    save(db, user_id, "cus_A")
    with db.refused("PT409", "customer_conflict"):
        save(db, user_id, "cus_A", livemode=True)


@pytest.mark.parametrize("user_id", [uuid4(), None])
def test_unknown_user_is_refused(db: Database, user_id: UUID | None) -> None:
    with db.refused("PT403", "user_not_found"):
        save(db, user_id, "cus_A")


@pytest.mark.parametrize("customer_id", [None, "", "cus_", "pi_1", "cus_1\n"])
def test_anything_but_the_id_of_a_customer_is_refused(db: Database, customer_id: str | None) -> None:
    user_id = new_user(db)
    with db.refused("PT400", "invalid_argument"):
        save(db, user_id, customer_id)


def test_customer_without_a_mode_is_refused(db: Database) -> None:
    user_id = new_user(db)
    with db.refused("PT400", "invalid_argument"):
        save(db, user_id, "cus_A", livemode=None)
