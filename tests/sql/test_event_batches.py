"""record_stripe_events: a batch of events, each with an outcome of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg.types.json import Jsonb

from tests.sql.events import deliver, new_event_id, payment, refund
from tests.sql.purchases import balance, grant, ledger, new_package, new_user, open_purchase, status

if TYPE_CHECKING:
    from tests.sql.database import Database

LARGEST = 99_999_999_999_999


def test_failing_event_touches_no_other_of_its_batch(db: Database) -> None:
    good, full = open_purchase(db), open_purchase(db, package_id=new_package(db, credit_amount=LARGEST))
    grant(db, full.user_id, 1)
    batch = [
        payment(good, "processing"),
        payment(full, "succeeded"),
        payment(good, "succeeded", amount=1),
        payment(good, "succeeded") | {"type": "invoice.paid"},
        payment(good, "succeeded"),
        refund(full, "re_1", 500),
    ]
    assert deliver(db, *batch) == [
        "applied",
        "failed: 22003",
        "mismatch: amount",
        "ignored: type",
        "applied",
        "applied",
    ]
    assert (status(db, good), balance(db, good.user_id)) == ("succeeded", 15)
    assert (status(db, full), balance(db, full.user_id)) == ("pending", 1)

    db.execute("update credits.transactions set credits = 3 where id = %s", full.id)
    assert deliver(db, *batch) == ["duplicate", "applied", "duplicate", "duplicate", "duplicate", "duplicate"]
    assert (status(db, full), balance(db, full.user_id)) == ("partially_refunded", 3)


@pytest.mark.parametrize(
    "hostile",
    [
        {"object": None},
        {"object": "pi_1"},
        {"object": []},
        {"object": {"object": "payment_intent", "id": None, "metadata": "x"}},
        {"object": {"object": "payment_intent", "id": {}, "metadata": {"transaction_id": {}}}},
        {"created": 10**300},
        {"created": -(10**18)},
        {"created": 1.5},
        {"livemode": "yes"},
        {"api_version": 7},
    ],
)
def test_hostile_event_touches_no_other_of_its_batch(db: Database, hostile: dict[str, object]) -> None:
    purchase = open_purchase(db)
    event = payment(purchase, "processing") | hostile
    first, second = open_purchase(db), open_purchase(db)
    outcomes = deliver(db, payment(first, "succeeded"), event, payment(second, "succeeded"))
    assert (outcomes[0], outcomes[2]) == ("applied", "applied")
    assert db.column("select payload from credits.stripe_events where id = %s", event["id"]) == [event]
    db.execute("delete from credits.stripe_events where id = %s", event["id"])


def test_answers_come_in_the_order_of_the_events(db: Database) -> None:
    purchases = [open_purchase(db) for _ in range(20)]
    events = [payment(purchase, "succeeded") for purchase in purchases]
    answer = db.rpc("record_stripe_events", events=Jsonb(events))["record_stripe_events"]
    assert [(verdict["id"], verdict["transaction_id"]) for verdict in answer] == [
        (event["id"], str(purchase.id)) for event, purchase in zip(events, purchases, strict=True)
    ]


def test_empty_batch_is_answered_with_nothing(db: Database) -> None:
    assert deliver(db) == []


@pytest.mark.parametrize(
    "events",
    [
        None,
        {},
        "evt_1",
        [None],
        [[]],
        ["evt_1"],
        [{"type": "payment_intent.succeeded"}],
        [{"id": 1, "type": "payment_intent.succeeded"}],
        [{"id": "evt_1"}],
        [{"id": "evt_1", "type": None}],
    ],
)
def test_anything_but_events_is_refused(db: Database, events: object) -> None:
    with db.refused("PT400", "invalid_argument"):
        db.rpc("record_stripe_events", events=Jsonb(events))


def test_events_without_an_array_at_all_are_refused(db: Database) -> None:
    with db.refused("PT400", "invalid_argument"):
        db.rpc("record_stripe_events", events=None)


def test_purchases_of_one_user_settle_apart(db: Database) -> None:
    user_id = new_user(db)
    first, second = open_purchase(db, user_id), open_purchase(db, user_id)
    assert deliver(db, payment(first, "succeeded"), refund(second, "re_1", 1500)) == ["applied"] * 2
    assert (ledger(db, first), ledger(db, second)) == ([("purchase", 15)], [])


def test_event_is_kept_with_its_projection(db: Database) -> None:
    purchase = open_purchase(db)
    event = payment(purchase, "succeeded")
    deliver(db, event)
    [row] = db.rows("select * from credits.stripe_events where id = %s", event["id"])
    assert row["payload"] == event
    assert (row["type"], row["livemode"], row["api_version"]) == (
        "payment_intent.succeeded",
        False,
        "2026-10-28.endive",
    )
    assert row["created_at"].timestamp() == event["created"]


def test_new_event_ids_are_told_apart(db: Database) -> None:
    purchase = open_purchase(db)
    event = payment(purchase, "processing")
    for event_id in (event["id"], event["id"].upper(), new_event_id()):
        assert deliver(db, event | {"id": event_id}) == ["applied"]
