"""grant_credits: credits without a payment, once per key."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.sql.purchases import balance, new_user

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from tests.sql.database import Database


def grant(
    db: Database, user_id: UUID | None, amount: str | None, key: str | None = "key", /, **more: object
) -> DictRow:
    arguments = {
        "user_id": user_id,
        "amount": None if amount is None else Decimal(amount),
        "reason": "Welcome",
        "idempotency_key": key,
    }
    return db.rpc("grant_credits", **arguments | more)


def test_grant_adds_to_the_balance(db: Database) -> None:
    user_id = new_user(db)
    answer = grant(db, user_id, "2.5")
    assert isinstance(answer.pop("entry_id"), int)
    assert answer == {"balance": Decimal("2.50"), "created": True}
    assert grant(db, user_id, "0.000001", "another")["balance"] == Decimal("2.500001")
    assert balance(db, user_id) == Decimal("2.500001")


def test_same_key_gives_the_first_answer_again(db: Database) -> None:
    user_id = new_user(db)
    first = grant(db, user_id, "2.5")
    grant(db, user_id, "1", "another")
    assert grant(db, user_id, "2.50") == first | {"created": False}
    assert balance(db, user_id) == Decimal("3.5")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal("2.6")},
        {"reason": "Sorry"},
        {"priority": 49},
        {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
    ],
)
def test_key_with_other_arguments_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id = new_user(db)
    grant(db, user_id, "2.5")
    with db.refused("PT409", "idempotency_key_reused"):
        grant(db, user_id, "2.5", **change)
    assert balance(db, user_id) == Decimal("2.5")


def test_keys_of_two_users_do_not_meet(db: Database) -> None:
    assert [grant(db, new_user(db), "1")["created"] for _ in range(2)] == [True, True]


@pytest.mark.parametrize("user_id", [uuid4(), None])
def test_unknown_user_is_refused(db: Database, user_id: UUID | None) -> None:
    with db.refused("PT403", "user_not_found"):
        grant(db, user_id, "1")


@pytest.mark.parametrize(
    "amount", [None, "0", "-1", "NaN", "Infinity", "-Infinity", "0.0000001", "100000000000000"]
)
def test_amount_that_is_no_amount_of_credits_is_refused(db: Database, amount: str | None) -> None:
    user_id = new_user(db)
    with db.refused("PT400", "invalid_argument"):
        grant(db, user_id, amount)


@pytest.mark.parametrize(
    "change",
    [
        {"reason": None},
        {"reason": "  "},
        {"idempotency_key": None},
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 256},
    ],
)
def test_missing_reason_or_key_is_refused(db: Database, change: dict[str, object]) -> None:
    user_id = new_user(db)
    with db.refused("PT400", "invalid_argument"):
        grant(db, user_id, "1", **change)


def test_grant_beyond_the_largest_balance_is_refused_and_changes_nothing(db: Database) -> None:
    user_id = new_user(db)
    grant(db, user_id, "99999999999999", "most")
    with db.refused("PT400", "invalid_argument"):
        grant(db, user_id, "1", "more")
    assert balance(db, user_id) == Decimal(99999999999999)
    assert grant(db, user_id, "0.999999", "the last")["balance"] == Decimal("99999999999999.999999")


def test_ledger_shows_the_reason(db: Database) -> None:
    user_id = new_user(db)
    grant(db, user_id, "1", reason="For the trouble")
    with db.acting_as("authenticated", user_id):
        assert db.column("select description from public.credit_ledger") == ["For the trouble"]
