"""What moves credits refuses what it cannot move, says so with a code of ours, and writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.sql.spending import buy, everything, give, hold, spend, user_with

if TYPE_CHECKING:
    from tests.sql.database import Database

    Arguments = dict[str, object]

BAD_AMOUNTS = [
    Decimal(amount)
    for amount in ("0", "-1", "-0.000001", "1.0000001", "NaN", "Infinity", "-Infinity", "1e14", "1e300")
]
BAD_KEYS = ["", "k" * 256]
BAD_TEXTS = ["", "   ", "t" * 501]
BAD_METADATA = [Jsonb(5), Jsonb("text"), Jsonb([]), Jsonb({"a": "t" * 10_000})]

BAD: dict[str, list[Any]] = {
    "amount": [None, *BAD_AMOUNTS],
    "idempotency_key": [None, *BAD_KEYS],
    "reason": [None, *BAD_TEXTS],
    "description": [None, *BAD_TEXTS],
    "metadata": BAD_METADATA,
    "priority": [None, -1, 101, 2**31 - 1],
    "expires_at": [datetime(2020, 1, 1, tzinfo=UTC)],
    "expires_in": [
        None,
        timedelta(0),
        timedelta(seconds=-1),
        timedelta(milliseconds=999),
        timedelta(days=30, seconds=1),
        timedelta(days=999_999_999),
    ],
}
# What is optional may be left out, and a description then comes from the hold or the spend.
OPTIONAL = {("capture_hold", "description"), ("refund_spend", "description")}


def good_arguments(db: Database, function: str) -> Arguments:
    """Make a user with credits, an open hold and a spend, and arguments that the function takes."""
    user_id = user_with(db, 100)
    posted: Arguments = {"user_id": user_id, "amount": Decimal(1), "idempotency_key": "another"}
    match function:
        case "grant_credits":
            return posted | {"reason": "Welcome", "priority": 50, "expires_at": None}
        case "spend_credits":
            return posted | {"description": "Usage", "metadata": None}
        case "hold_credits":
            lasting = timedelta(days=30)
            return posted | {"description": "Work", "metadata": None, "expires_in": lasting}
        case "capture_hold":
            held = hold(db, user_id, 2)
            return {
                "hold_id": held["hold_id"],
                "amount": Decimal(1),
                "description": None,
                "metadata": None,
            }
        case "refund_spend":
            spent = spend(db, user_id, 2)
            return posted | {"entry_id": spent["entry_id"], "description": None}
    raise AssertionError(function)


FUNCTIONS = {
    "grant_credits": ("amount", "idempotency_key", "reason", "priority", "expires_at"),
    "spend_credits": ("amount", "idempotency_key", "description", "metadata"),
    "hold_credits": ("amount", "idempotency_key", "description", "metadata", "expires_in"),
    "capture_hold": ("amount", "description", "metadata"),
    "refund_spend": ("amount", "idempotency_key", "description"),
}


@pytest.mark.parametrize(
    ("function", "argument"), [(name, one) for name, arguments in FUNCTIONS.items() for one in arguments]
)
def test_bad_argument_is_refused_and_nothing_is_written(db: Database, function: str, argument: str) -> None:
    """The same call with a good argument works, so it is this one that was refused."""
    arguments = good_arguments(db, function)
    before = everything(db)
    for bad in BAD[argument]:
        if bad is None and (function, argument) in OPTIONAL:
            continue
        with db.refused("PT400", "invalid_argument"):
            db.rpc(function, **arguments | {argument: bad})
    assert everything(db) == before
    assert db.rpc(function, **arguments)["created"]


@pytest.mark.parametrize("function", ["grant_credits", "spend_credits", "hold_credits", "refund_spend"])
@pytest.mark.parametrize("user_id", [uuid4(), None])
def test_unknown_user_is_refused(db: Database, function: str, user_id: UUID | None) -> None:
    arguments = good_arguments(db, function)
    before = everything(db)
    with db.refused("PT403", "user_not_found"):
        db.rpc(function, **arguments | {"user_id": user_id})
    assert everything(db) == before


@pytest.mark.parametrize("hold_id", [uuid4(), None])
def test_unknown_hold_is_refused(db: Database, hold_id: UUID | None) -> None:
    with db.refused("PT404", "hold_not_found"):
        db.rpc("capture_hold", hold_id=hold_id, amount=Decimal(1))
    with db.refused("PT404", "hold_not_found"):
        db.rpc("release_hold", hold_id=hold_id)


@pytest.mark.parametrize("interval", ["infinity", "-infinity", "9000000 years", "-9000000 years"])
def test_time_that_no_clock_reaches_is_refused(db: Database, interval: str) -> None:
    arguments = good_arguments(db, "hold_credits")
    with db.refused("PT400", "invalid_argument"):
        db.rpc("hold_credits", **arguments | {"expires_in": interval})


def test_user_who_was_forgotten_is_refused_by_all(db: Database) -> None:
    purchase = buy(db)
    user_id = purchase.user_id
    held, spent = hold(db, user_id, 1), spend(db, user_id, 1)
    db.rpc("forget_user", user_id=user_id)
    before = everything(db)
    for function in ("grant_credits", "spend_credits", "hold_credits", "refund_spend"):
        arguments = good_arguments(db, function)
        before = everything(db)
        with db.refused("PT403", "user_not_found"):
            db.rpc(function, **arguments | {"user_id": user_id})
        assert everything(db) == before
    for function, more in (("capture_hold", {"amount": Decimal(1)}), ("release_hold", {})):
        with db.refused("PT403", "user_not_found"):
            db.rpc(function, hold_id=held["hold_id"], **more)
    assert spent["created"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_arguments_at_their_limits_are_taken(db: Database, function: str) -> None:
    arguments = good_arguments(db, function)
    limits: Arguments = {
        "idempotency_key": "k" * 255,
        "reason": "t" * 500,
        "description": "t" * 500,
        "metadata": Jsonb({"a": "t" * 9_991}),
        "amount": Decimal("0.000001"),
        "priority": 100,
        "expires_in": timedelta(seconds=1),
    }
    answer = db.rpc(
        function, **arguments | {name: limit for name, limit in limits.items() if name in arguments}
    )
    assert answer["created"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_zeros_at_the_end_are_no_decimals(db: Database, function: str) -> None:
    arguments = good_arguments(db, function)
    assert db.rpc(function, **arguments | {"amount": Decimal("1.0000010000")})["created"]


def test_largest_balance_is_not_passed_by_a_refund(db: Database) -> None:
    user_id = user_with(db, "99999999999999")
    spent = spend(db, user_id, 5)
    give(db, user_id, 5)
    with db.refused("PT400", "invalid_argument"):
        db.rpc(
            "refund_spend",
            user_id=user_id,
            entry_id=spent["entry_id"],
            amount=Decimal(2),
            idempotency_key="key",
        )
