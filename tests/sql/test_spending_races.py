"""Spends, holds, refunds and expiries that arrive at the same moment, on connections of their own."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.purchases import balance, new_user
from tests.sql.race import answer_or_code, call, race
from tests.sql.spending import SMALLEST, Shown, buy, give, history, hold, let_pass, shown, spend, user_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from psycopg.rows import DictRow

    from tests.sql.database import Database

CONNECTIONS = 64


@pytest.fixture
def no_deadlock(committed_db: Database) -> Iterator[None]:
    """Expect Postgres to have found no deadlock meanwhile; each connection flushes what it has counted."""
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    before = committed_db.value(int, deadlocks)
    yield
    assert committed_db.value(int, deadlocks) == before


def posting(user_id: UUID, amount: Decimal | int, key: str) -> dict[str, object]:
    return {
        "user_id": user_id,
        "amount": Decimal(amount),
        "idempotency_key": key,
        "description": "Usage",
    }


def told(function: str, arguments: dict[str, object], db: Database) -> DictRow:
    return call(db, function, **arguments)


def asked(function: str, arguments: dict[str, object], db: Database) -> DictRow | str:
    return answer_or_code(db, function, **arguments)


def flushed(run: Callable[[Database], Any]) -> Callable[[Database], Any]:
    def run_and_flush(db: Database) -> object:
        answer = run(db)
        db.execute("select pg_stat_force_next_flush()")
        return answer

    return run_and_flush


def spend_until_nothing_is_left(user_id: UUID, number: int, db: Database) -> Decimal:
    """Spend at random and at last what is left, as often as it takes; give what was taken."""
    random = Random(number)
    taken = Decimal(0)
    amount = Decimal(random.randrange(1, 3_000_000)) * SMALLEST
    for attempt in range(10_000):
        try:
            call(db, "spend_credits", **posting(user_id, amount, f"{number} {attempt}"))
        except psycopg.Error as error:
            if error.diag.message_detail != "insufficient_credits":
                raise
            left = Decimal(str(json.loads(error.diag.message_hint or "", parse_float=str)["available"]))
            if left == 0:
                return taken
            amount = left
        else:
            taken += amount
            amount = Decimal(random.randrange(1, 3_000_000)) * SMALLEST
    raise AssertionError("There was always something left.")


@pytest.mark.usefixtures("no_deadlock")
def test_64_connections_that_spend_the_last_credits_take_exactly_what_was_there(
    database_url: str, committed_db: Database
) -> None:
    purchase = buy(committed_db, credit_amount=100)
    user_id = purchase.user_id
    for expires_in in (None, timedelta(days=1), timedelta(days=2)):
        give(committed_db, user_id, Decimal("33.333333"), expires_in=expires_in)
    there = 100 + 3 * Decimal("33.333333")
    taken = race(
        database_url,
        [flushed(partial(spend_until_nothing_is_left, user_id, number)) for number in range(CONNECTIONS)],
    )
    assert sum(taken) == there
    assert shown(committed_db, user_id) == Shown(balance=0)
    spends = [amount for kind, amount in history(committed_db, user_id) if kind == "spend"]
    assert sum(spends) == -there


def test_of_two_spends_at_once_on_the_last_credit_one_gets_it(
    database_url: str, committed_db: Database
) -> None:
    for _ in range(5):
        user_id = user_with(committed_db, 1)
        answers = race(
            database_url,
            [partial(asked, "spend_credits", posting(user_id, 1, key)) for key in ("a", "b")],
        )
        assert answers.count("PT402 insufficient_credits") == 1
        assert balance(committed_db, user_id) == 0


def test_the_same_spend_from_16_connections_is_charged_once(
    database_url: str, committed_db: Database
) -> None:
    user_id = user_with(committed_db, 10)
    answers = race(database_url, [partial(told, "spend_credits", posting(user_id, 3, "key"))] * 16)
    assert sorted(row.pop("created") for row in answers) == [False] * 15 + [True]
    assert len({tuple(row.items()) for row in answers}) == 1
    assert balance(committed_db, user_id) == 7


def test_the_same_hold_from_16_connections_is_held_once(database_url: str, committed_db: Database) -> None:
    user_id = user_with(committed_db, 10)
    arguments = posting(user_id, 3, "key") | {"expires_in": timedelta(hours=1)}
    answers = race(database_url, [partial(told, "hold_credits", arguments)] * 16)
    assert sorted(row["created"] for row in answers) == [False] * 15 + [True]
    assert len({row["hold_id"] for row in answers}) == 1
    assert shown(committed_db, user_id) == Shown(balance=10, held=3)


def test_a_hold_that_is_captured_and_released_at_once_ends_one_way(
    database_url: str, committed_db: Database
) -> None:
    for _ in range(3):
        user_id = user_with(committed_db, 10)
        hold_id = hold(committed_db, user_id, 4)["hold_id"]
        capture = partial(answer_or_code, function="capture_hold", hold_id=hold_id, amount=Decimal(4))
        release = partial(answer_or_code, function="release_hold", hold_id=hold_id)
        answers = race(database_url, [capture, release] * 4)
        if answers[0] == "PT409 hold_released":
            assert answers[0::2] == ["PT409 hold_released"] * 4
            assert shown(committed_db, user_id) == Shown(balance=10)
        else:
            assert answers[1::2] == ["PT409 hold_captured"] * 4
            assert shown(committed_db, user_id) == Shown(balance=6)


def test_refunds_at_once_give_no_more_back_than_was_spent(database_url: str, committed_db: Database) -> None:
    user_id = user_with(committed_db, 10)
    spent = spend(committed_db, user_id, 5)
    refunds = [
        partial(
            answer_or_code,
            function="refund_spend",
            user_id=user_id,
            entry_id=spent["entry_id"],
            amount=Decimal(1),
            idempotency_key=str(number),
        )
        for number in range(12)
    ]
    answers = race(database_url, refunds)
    assert answers.count("PT409 refund_exceeds_spend") == 7
    assert balance(committed_db, user_id) == 10


@pytest.mark.usefixtures("no_deadlock")
def test_batches_over_the_same_users_in_any_order_never_wait_in_a_circle(
    database_url: str, committed_db: Database
) -> None:
    """Half of the users have no account yet, so the batches race to open those as well."""
    users = [new_user(committed_db) for _ in range(12)]
    for user_id in users[::2]:
        give(committed_db, user_id, 1000)

    def send(number: int, db: Database) -> list[int]:
        statuses = []
        random = Random(number)
        for batch in range(5):
            shuffled = random.sample(users, len(users)) if number else users[::-1]
            spends = [
                {
                    "user_id": str(user_id),
                    "amount": 1,
                    "idempotency_key": f"{number} {batch}",
                    "description": "Usage",
                }
                for user_id in shuffled
            ]
            answer = call(db, "spend_credits_batch", spends=Jsonb(spends))["spend_credits_batch"]
            statuses += [one["status"] for one in answer]
        return statuses

    statuses = race(database_url, [flushed(partial(send, number)) for number in range(8)])
    assert Counter(status for one in statuses for status in one) == {200: 6 * 40, 402: 6 * 40}
    assert [balance(committed_db, user_id) for user_id in users[::2]] == [960] * 6


@pytest.mark.usefixtures("no_deadlock")
def test_expiry_jobs_beside_spends_lose_nothing_and_take_nothing_twice(
    database_url: str, committed_db: Database
) -> None:
    """Lots and holds expire while they are spent from, captured and passed over by several jobs at once."""
    users = [new_user(committed_db) for _ in range(10)]
    for user_id in users:
        give(committed_db, user_id, 1, expires_in=timedelta(minutes=30))

    def work(number: int, db: Database) -> list[DictRow | str]:
        answers: list[DictRow | str] = []
        for step in range(6):
            user_id = users[(number + step) % len(users)]
            key = f"{number} {step}"
            [soon] = db.column("select now() + interval '1 millisecond' * %s", 10 + (number * step) % 50)
            given = {"reason": "Welcome", "expires_at": soon}
            grant = posting(user_id, 2, key) | given
            del grant["description"]
            answers.append(answer_or_code(db, "grant_credits", **grant))
            answers.append(answer_or_code(db, "spend_credits", **posting(user_id, 1, key)))
            answers.append(answer_or_code(db, "expire_credits"))
        return answers

    shifts = race(database_url, [flushed(partial(work, number)) for number in range(8)])
    codes = {answer for answers in shifts for answer in answers if isinstance(answer, str)}
    assert codes <= {"PT402 insufficient_credits", "PT400 invalid_argument"}
    for user_id in users:
        let_pass(committed_db, user_id, timedelta(hours=1))
    while committed_db.rpc("expire_credits")["expire_credits"]:
        pass
    for user_id in users:
        assert shown(committed_db, user_id) == Shown(balance=0)
        assert balance(committed_db, user_id) == 0
