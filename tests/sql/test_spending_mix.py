"""64 connections that do everything at once to ten accounts: nothing is lost, doubled or answered wrongly."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql.events import refund
from tests.sql.purchases import Purchase, balance
from tests.sql.race import answer_or_code, race
from tests.sql.spending import SMALLEST, buy, give, let_pass, shown

if TYPE_CHECKING:
    from uuid import UUID

    from tests.sql.database import Database

pytestmark = pytest.mark.slow

CONNECTIONS = 64
STEPS = 20
USERS = 10
EXPECTED = {
    "PT402 insufficient_credits",
    "PT409 hold_expired",
    "PT409 hold_captured",
    "PT409 hold_released",
    "PT409 refund_exceeds_spend",
    # A lot that should expire in a moment had no time to: the machine was busy.
    "PT400 invalid_argument",
}


@dataclass
class Worker:
    """What one connection did: per user and kind of entry the sum of what it was told had happened."""

    db: Database
    random: Random
    moved: dict[tuple[UUID, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    codes: Counter[str] = field(default_factory=Counter)
    spends: list[tuple[UUID, int, Decimal]] = field(default_factory=list)
    holds: list[tuple[UUID, UUID, Decimal]] = field(default_factory=list)

    def ask(self, function: str, **arguments: object) -> dict[str, Any] | None:
        """Give the answer, or None for an error that is counted."""
        answer = answer_or_code(self.db, function, **arguments)
        if isinstance(answer, str):
            self.codes[answer] += 1
            return None
        self.codes[function] += 1
        return answer

    def posting(self, user_id: UUID) -> dict[str, object]:
        """Make arguments with a random amount and a key of their own."""
        amount = self.random.randrange(1, 4_000_000) * SMALLEST
        key = f"{self.random.getrandbits(64)}"
        return {"user_id": user_id, "amount": amount, "idempotency_key": key, "description": "Usage"}

    def spent(self, user_id: UUID, answer: dict[str, Any] | None, amount: Decimal) -> None:
        """Remember a spend that succeeded."""
        if answer is not None:
            assert answer["created"]
            self.moved[user_id, "spend"] -= amount
            self.spends.append((user_id, answer["entry_id"], amount))


def spend(worker: Worker, user_id: UUID) -> None:
    arguments = worker.posting(user_id)
    worker.spent(user_id, worker.ask("spend_credits", **arguments), Decimal(str(arguments["amount"])))


def spend_batch(worker: Worker, user_id: UUID) -> None:
    arguments = worker.posting(user_id)
    spends = [arguments | {"user_id": str(user_id), "amount": str(arguments["amount"])}] * 2
    answer = worker.ask("spend_credits_batch", spends=Jsonb(spends))
    assert answer is not None
    first, again = answer["spend_credits_batch"]
    worker.codes[f"batch {first['status']}"] += 1
    if first["status"] == 200:
        assert (first["created"], again["status"], again["created"]) == (True, 200, False)
        worker.spent(user_id, first, Decimal(str(arguments["amount"])))
    elif again["status"] == 200:
        # What is refused keeps no lock, so others may have given credits before the second.
        worker.spent(user_id, again, Decimal(str(arguments["amount"])))
    else:
        assert first["status"] == again["status"] == 402


def hold(worker: Worker, user_id: UUID) -> None:
    arguments = worker.posting(user_id)
    lasting = timedelta(seconds=worker.random.choice([1, 3600]))
    answer = worker.ask("hold_credits", **arguments, expires_in=lasting)
    if answer is not None:
        worker.holds.append((user_id, answer["hold_id"], Decimal(str(arguments["amount"]))))


def capture(worker: Worker, user_id: UUID) -> None:
    if worker.holds:
        user_id, hold_id, held = worker.holds.pop(worker.random.randrange(len(worker.holds)))
        amount = max(SMALLEST, (held / 2).quantize(SMALLEST))
        worker.spent(user_id, worker.ask("capture_hold", hold_id=hold_id, amount=amount), amount)
        worker.ask("release_hold", hold_id=hold_id)


def release(worker: Worker, _user_id: UUID) -> None:
    if worker.holds:
        _, hold_id, _ = worker.random.choice(worker.holds)
        worker.ask("release_hold", hold_id=hold_id)


def give_back(worker: Worker, user_id: UUID) -> None:
    if worker.spends:
        user_id, entry_id, spent = worker.random.choice(worker.spends)
        arguments = worker.posting(user_id) | {"entry_id": entry_id}
        amount = max(SMALLEST, (spent * Decimal("0.7")).quantize(SMALLEST))
        if worker.ask("refund_spend", **arguments | {"amount": amount}) is not None:
            worker.moved[user_id, "spend_refund"] += amount


def grant(worker: Worker, user_id: UUID) -> None:
    arguments = worker.posting(user_id)
    arguments["reason"] = arguments.pop("description")
    [soon] = worker.db.column("select now() + interval '1 ms' * %s", worker.random.choice([20, 200, 10**7]))
    if worker.ask("grant_credits", **arguments, expires_at=soon) is not None:
        worker.moved[user_id, "grant"] += Decimal(str(arguments["amount"]))


def expire(worker: Worker, _user_id: UUID) -> None:
    worker.ask("expire_credits", max_accounts=worker.random.randrange(1, 20))


WORK = (
    [spend] * 4 + [spend_batch] * 2 + [hold] * 3 + [capture] * 3 + [release, expire] + [give_back, grant] * 2
)


def work(users: list[UUID], purchases: list[Purchase], number: int, db: Database) -> Worker:
    worker = Worker(db, Random(number))
    for _ in range(STEPS):
        worker.random.choice(WORK)(worker, worker.random.choice(users))
    purchase = purchases[number % len(purchases)]
    part = refund(purchase, f"re_{purchase.id}_{number % 3}", 211)
    answer = worker.ask("record_stripe_events", events=Jsonb([part]))
    assert answer is not None
    assert answer["record_stripe_events"][0]["outcome"] in {"applied", "duplicate"}
    db.execute("select pg_stat_force_next_flush()")
    return worker


def test_everything_at_once_adds_up(database_url: str, committed_db: Database) -> None:
    """What the connections were told adds up to the ledger; committed_db audits the database in the end."""
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    before = committed_db.value(int, deadlocks)
    purchases = [buy(committed_db, credit_amount=30, amount_minor=997) for _ in range(USERS)]
    users = [purchase.user_id for purchase in purchases]
    for user_id in users:
        give(committed_db, user_id, 20)

    workers = race(database_url, [partial(work, users, purchases, number) for number in range(CONNECTIONS)])
    codes = sum((worker.codes for worker in workers), Counter[str]())
    assert {code for code in codes if " " in code} <= EXPECTED | {"batch 200", "batch 402"}
    assert codes.keys() >= {"spend_credits", "capture_hold", "refund_spend", "batch 200", "grant_credits"}
    assert committed_db.value(int, deadlocks) == before

    told: dict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    for worker in workers:
        for what, amount in worker.moved.items():
            told[what] += amount
    for user_id in users:
        told[user_id, "grant"] += 20
        for kind in ("grant", "spend", "spend_refund"):
            assert ledger_sum(committed_db, user_id, kind) == told[user_id, kind]
        # Three refunds of 211 of 997, however many connections told of them, cut from their sum.
        assert ledger_sum(committed_db, user_id, "refund") == -Decimal(30_000_000 * 633 // 997) * SMALLEST

    for user_id in users:
        let_pass(committed_db, user_id, timedelta(days=1))
    while committed_db.rpc("expire_credits")["expire_credits"]:
        pass
    for user_id in users:
        assert shown(committed_db, user_id).held == 0
        assert shown(committed_db, user_id).balance == balance(committed_db, user_id)
        assert shown(committed_db, user_id).expiring == 0


def ledger_sum(db: Database, user_id: UUID, kind: str) -> Decimal:
    return db.value(
        Decimal,
        "select coalesce(sum(amount), 0) from credits.ledger_entries where user_id = %s and kind = %s",
        user_id,
        kind,
    )
