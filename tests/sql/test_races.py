"""Calls that arrive at the same moment, on connections of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.sql.database import Database
from tests.sql.events import payment, refund, under_another_id
from tests.sql.purchases import (
    Purchase,
    balance,
    ledger,
    new_package,
    new_payment_intent,
    new_user,
    open_purchase,
    status,
)
from tests.sql.race import answer_or_code, call, race

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.rows import DictRow

    from tests.sql.events import Event


def deliver_once(event: Event, db: Database) -> str:
    [verdict] = call(db, "record_stripe_events", events=Jsonb([event]))["record_stripe_events"]
    return str(verdict["outcome"])


def attach(purchase: Purchase, db: Database) -> str:
    attached = {"transaction_id": purchase.id, "payment_intent_id": purchase.payment_intent}
    return str(call(db, "attach_payment_intent", **attached)["stripe_payment_intent_id"])


def test_the_same_key_from_16_connections_opens_one_purchase(
    database_url: str, committed_db: Database
) -> None:
    """None of them has an account yet, so they race for that as well."""
    open_it = partial(
        call,
        function="open_credit_purchase",
        user_id=new_user(committed_db),
        package_id=new_package(committed_db),
        livemode=False,
        idempotency_key="key",
    )
    opened = race(database_url, [open_it] * 16)
    assert len({row["transaction_id"] for row in opened}) == 1
    assert sorted(row["created"] for row in opened) == [False] * 15 + [True]


def test_keys_that_race_for_the_limit_never_pass_it(database_url: str, committed_db: Database) -> None:
    user_id, package_id = new_user(committed_db), new_package(committed_db)
    limit = committed_db.value(int, "select max_open_purchases from credits.settings")
    answers = race(
        database_url,
        [
            partial(
                answer_or_code,
                function="open_credit_purchase",
                user_id=user_id,
                package_id=package_id,
                livemode=False,
                idempotency_key=f"key {number}",
            )
            for number in range(limit + 6)
        ],
    )
    assert answers.count("PT429 too_many_open_purchases") == 6
    assert (
        committed_db.value(int, "select count(*) from credits.transactions where user_id = %s", user_id)
        == limit
    )


def test_of_two_keys_that_race_for_the_last_place_one_gets_it(
    database_url: str, committed_db: Database
) -> None:
    user_id, package_id = new_user(committed_db), new_package(committed_db)
    for _ in range(committed_db.value(int, "select max_open_purchases from credits.settings") - 1):
        open_purchase(committed_db, user_id, package_id, attached=False)
    open_one = partial(
        answer_or_code,
        function="open_credit_purchase",
        user_id=user_id,
        package_id=package_id,
        livemode=False,
    )
    answers = race(database_url, [partial(open_one, idempotency_key=key) for key in ("a", "b")])
    assert [isinstance(answer, str) for answer in answers].count(True) == 1
    assert "PT429 too_many_open_purchases" in answers


def test_two_payment_intents_that_race_to_attach_leave_one(database_url: str, committed_db: Database) -> None:
    purchase = open_purchase(committed_db, attached=False)
    attach_it = partial(answer_or_code, function="attach_payment_intent", transaction_id=purchase.id)
    intents = [new_payment_intent() for _ in range(8)]
    answers = race(database_url, [partial(attach_it, payment_intent_id=intent) for intent in intents])

    assert answers.count("PT409 payment_intent_conflict") == 7
    [kept] = committed_db.column(
        "select stripe_payment_intent_id from credits.transactions where id = %s", purchase.id
    )
    assert answers[intents.index(kept)] == {"stripe_payment_intent_id": kept, "status": "pending"}


def test_closing_a_purchase_waits_for_what_settles_it(database_url: str, committed_db: Database) -> None:
    """What is being paid is not taken for abandoned."""
    purchase = open_purchase(committed_db, attached=False)
    with psycopg.connect(database_url, row_factory=dict_row, options="-c role=service_role") as paying:
        call(Database(paying), "record_stripe_events", events=Jsonb([payment(purchase, "processing")]))
        with ThreadPoolExecutor(1) as pool:
            close = partial(answer_or_code, function="close_credit_purchase", transaction_id=purchase.id)
            closing = pool.submit(race, database_url, [close])
            waiting = "select count(*) from pg_locks where not granted and pid <> pg_backend_pid()"
            while not committed_db.value(int, waiting):
                assert not closing.done()
            paying.commit()
            assert closing.result() == ["PT409 purchase_has_payment_intent"]
    assert status(committed_db, purchase) == "processing"


def test_two_purchases_that_race_for_a_payment_intent_leave_it_to_one(
    database_url: str, committed_db: Database
) -> None:
    purchases = [open_purchase(committed_db, attached=False) for _ in range(8)]
    attach_it = partial(
        answer_or_code, function="attach_payment_intent", payment_intent_id=new_payment_intent()
    )
    answers = race(database_url, [partial(attach_it, transaction_id=purchase.id) for purchase in purchases])
    assert answers.count("PT409 payment_intent_conflict") == 7


def test_customers_that_race_leave_the_first_one_to_all(database_url: str, committed_db: Database) -> None:
    user_id = new_user(committed_db)
    customers = [f"cus_{user_id.hex}{number}" for number in range(8)]
    answers = race(
        database_url,
        [
            partial(
                call, function="save_stripe_customer", user_id=user_id, livemode=False, customer_id=customer
            )
            for customer in customers
        ],
    )
    [kept] = committed_db.column(
        "select stripe_customer_id from credits.stripe_customers where user_id = %s", user_id
    )
    assert kept in customers
    assert answers == [{"stripe_customer_id": kept}] * 8


def test_the_same_grant_from_16_connections_is_given_once(database_url: str, committed_db: Database) -> None:
    user_id = new_user(committed_db)
    grant = partial(
        call,
        function="grant_credits",
        user_id=user_id,
        amount=Decimal(5),
        reason="Welcome",
        idempotency_key="key",
    )
    answers = race(database_url, [grant] * 16)
    assert sorted(row.pop("created") for row in answers) == [False] * 15 + [True]
    assert {tuple(row.items()) for row in answers} == {tuple(answers[0].items())}
    assert balance(committed_db, user_id) == 5


def test_16_grants_at_once_are_all_given(database_url: str, committed_db: Database) -> None:
    user_id = new_user(committed_db)

    def grant(number: int, db: Database) -> DictRow:
        return call(
            db,
            "grant_credits",
            user_id=user_id,
            amount=Decimal(1),
            reason="Welcome",
            idempotency_key=str(number),
        )

    answers = race(database_url, [partial(grant, number) for number in range(16)])
    assert sorted(row["balance"] for row in answers) == list(range(1, 17))
    assert balance(committed_db, user_id) == 16


def test_the_same_event_from_50_connections_is_credited_once(
    database_url: str, committed_db: Database
) -> None:
    purchase = open_purchase(committed_db)
    outcomes = race(database_url, [partial(deliver_once, payment(purchase, "succeeded"))] * 50)
    assert sorted(outcomes) == ["applied"] + ["duplicate"] * 49
    assert ledger(committed_db, purchase) == [("purchase", 15)]


def test_the_same_event_from_50_connections_finds_an_unattached_purchase_once(
    database_url: str, committed_db: Database
) -> None:
    purchase = open_purchase(committed_db, attached=False)
    outcomes = race(database_url, [partial(deliver_once, payment(purchase, "succeeded"))] * 50)
    assert sorted(outcomes) == ["applied"] + ["duplicate"] * 49
    assert ledger(committed_db, purchase) == [("purchase", 15)]


def test_one_change_under_50_event_ids_at_once_is_credited_once(
    database_url: str, committed_db: Database
) -> None:
    purchase = open_purchase(committed_db)
    event = payment(purchase, "succeeded")
    outcomes = race(database_url, [partial(deliver_once, under_another_id(event)) for _ in range(50)])
    assert outcomes == ["applied"] * 50
    assert ledger(committed_db, purchase) == [("purchase", 15)]


def test_the_same_foreign_event_from_16_connections_is_kept_once(
    database_url: str, committed_db: Database
) -> None:
    purchase = open_purchase(committed_db)
    foreign = payment(purchase, "succeeded") | {"type": "invoice.paid"}
    outcomes = race(database_url, [partial(deliver_once, foreign)] * 16)
    assert sorted(outcomes) == ["duplicate"] * 15 + ["ignored"]


def test_refund_payment_and_attachment_that_race_end_at_zero(
    database_url: str, committed_db: Database
) -> None:
    """The webhooks of a purchase overtake the service that is about to attach its PaymentIntent."""
    for _ in range(10):
        purchase = open_purchase(committed_db, attached=False)

        runs: list[Callable[[Database], str]] = [
            partial(deliver_once, refund(purchase, f"re_{purchase.payment_intent}", 1500)),
            partial(deliver_once, payment(purchase, "succeeded")),
            partial(attach, purchase),
        ]
        assert "failed" not in race(database_url, runs)
        assert status(committed_db, purchase) == "refunded"
        assert balance(committed_db, purchase.user_id) == 0
