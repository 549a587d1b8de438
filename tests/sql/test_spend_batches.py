"""spend_credits_batch: many users' spends in one call, each alone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.sql.purchases import balance
from tests.sql.spending import HOUR, everything, history, hold, let_pass, shown, spend, user_with

if TYPE_CHECKING:
    from tests.sql.database import Database

Spend = dict[str, Any]


def one(user_id: object, amount: object, key: str | None = None, **more: object) -> Spend:
    return {
        "user_id": str(user_id),
        "amount": amount,
        "idempotency_key": key or uuid4().hex,
        "description": "Usage",
        **more,
    }


def send(db: Database, *spends: object) -> list[Spend]:
    answers: list[Spend] = db.rpc("spend_credits_batch", spends=Jsonb(list(spends)))["spend_credits_batch"]
    return answers


def statuses(answers: list[Spend]) -> list[tuple[int, str | None]]:
    return [(answer["status"], answer.get("code")) for answer in answers]


def test_spends_of_many_users_are_answered_in_the_order_given(db: Database) -> None:
    users = [user_with(db, 10) for _ in range(5)]
    spends = [one(user_id, number + 1) for number in range(3) for user_id in users]
    answers = send(db, *spends)
    assert [(a["user_id"], a["idempotency_key"]) for a in answers] == [
        (s["user_id"], s["idempotency_key"]) for s in spends
    ]
    assert [a["balance"] for a in answers] == [9] * 5 + [7] * 5 + [4] * 5
    assert statuses(answers) == [(200, None)] * 15
    assert [history(db, user_id)[1:] for user_id in users] == [
        [("spend", -1), ("spend", -2), ("spend", -3)]
    ] * 5


def test_each_answer_is_what_spend_credits_would_have_said(db: Database) -> None:
    user_id = user_with(db, 10)
    [answer] = send(db, one(user_id, "2.5", "key", metadata={"a": 1}))
    alone = spend(db, user_id, "2.5", "key", metadata=Jsonb({"a": 1}))
    assert answer == {
        "user_id": str(user_id),
        "idempotency_key": "key",
        "status": 200,
        "entry_id": alone["entry_id"],
        "balance": 7.5,
        "created": True,
    }
    assert not alone["created"]


def test_each_spend_succeeds_or_fails_alone(db: Database) -> None:
    rich, poor = user_with(db, 10), user_with(db, 1)
    spend(db, rich, 1, "used")
    answers = send(
        db,
        one(poor, 2),
        one(rich, 1),
        one(uuid4(), 1),
        one(rich, 2, "used"),
        one(rich, 0),
        one(rich, "many"),
        one("nobody", 1),
        one(rich, 1, metadata=[]),
        one(poor, 1),
        one(rich, 8.000001),
        one(rich, 8, metadata=None),
    )
    assert statuses(answers) == [
        (402, "insufficient_credits"),
        (200, None),
        (403, "user_not_found"),
        (409, "idempotency_key_reused"),
        (400, "invalid_argument"),
        (400, "invalid_argument"),
        (400, "invalid_argument"),
        (400, "invalid_argument"),
        (200, None),
        (402, "insufficient_credits"),
        (200, None),
    ]
    assert (balance(db, rich), balance(db, poor)) == (0, 0)
    assert '"shortfall": 1.00' in answers[0]["hint"]


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, {"user_id": None}, True])
def test_what_is_no_spend_fails_alone(db: Database, odd: object) -> None:
    user_id = user_with(db, 10)
    answers = send(db, odd, one(user_id, 1))
    assert answers[0]["status"] in {400, 403}
    assert answers[0]["code"] in {"invalid_argument", "user_not_found"}
    assert answers[1]["status"] == 200
    assert balance(db, user_id) == 9


def test_same_key_twice_in_one_batch_is_charged_once(db: Database) -> None:
    user_id = user_with(db, 10)
    answers = send(db, one(user_id, 3, "key"), one(user_id, 3, "key"), one(user_id, 4, "key"))
    assert statuses(answers) == [(200, None), (200, None), (409, "idempotency_key_reused")]
    assert [answer.get("created") for answer in answers] == [True, False, None]
    assert balance(db, user_id) == 7


def test_batch_again_gives_the_same_answers_and_takes_nothing(db: Database) -> None:
    users = [user_with(db, 10) for _ in range(3)]
    spends = [one(user_id, 6) for user_id in [*users, *users]]
    first = send(db, *spends)
    before = everything(db)
    again = send(db, *spends)
    assert [a | {"created": True} if a["status"] == 200 else a for a in again] == first
    assert statuses(first) == [(200, None)] * 3 + [(402, "insufficient_credits")] * 3
    assert everything(db) == before


def test_one_user_under_two_spellings_is_one_user(db: Database) -> None:
    user_id = user_with(db, 10)
    answers = send(db, one(str(user_id).upper(), 6), one(user_id, 5), one(user_id.hex, 4))
    assert statuses(answers) == [(200, None), (402, "insufficient_credits"), (200, None)]
    assert balance(db, user_id) == 0


def test_numbers_keep_every_decimal(db: Database) -> None:
    user_id = user_with(db, "12345678901234.567891")
    [answer] = send(db, one(user_id, "12345678901234.567890"))
    assert answer["status"] == 200
    assert balance(db, user_id) == Decimal("0.000001")


def test_batch_takes_up_to_a_thousand(db: Database) -> None:
    users = [user_with(db, 50) for _ in range(20)]
    spends = [one(users[number % 20], 1, str(number)) for number in range(1001)]
    before = everything(db)
    with db.refused("PT400", "invalid_argument"):
        send(db, *spends)
    assert everything(db) == before
    assert {answer["status"] for answer in send(db, *spends[:1000])} == {200}
    assert {balance(db, user_id) for user_id in users} == {0}


@pytest.mark.parametrize("spends", [None, Jsonb(None), Jsonb({}), Jsonb("text"), Jsonb(5)])
def test_what_is_no_array_is_refused(db: Database, spends: Jsonb | None) -> None:
    with db.refused("PT400", "invalid_argument"):
        db.rpc("spend_credits_batch", spends=spends)


def test_empty_batch_has_an_empty_answer(db: Database) -> None:
    assert send(db) == []


def test_batch_counts_no_hold_that_has_expired(db: Database) -> None:
    user_id: UUID = user_with(db, 10)
    hold(db, user_id, 8)
    let_pass(db, user_id, HOUR)
    assert statuses(send(db, one(user_id, 10))) == [(200, None)]
    assert shown(db, user_id).held == 0
