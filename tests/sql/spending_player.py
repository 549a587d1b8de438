"""Plays a program of spending in the model and in Postgres, comparing them at every step."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from psycopg.types.json import Jsonb

from tests.sql.database import Database
from tests.sql.events import dispute, payment, refund
from tests.sql.purchases import Purchase, new_package, new_user, open_purchase
from tests.sql.race import answer_or_code
from tests.sql.spending import let_pass
from tests.sql.spending_model import Account, Bought, Hold, RefusedError, Spend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    import psycopg
    from psycopg.rows import DictRow

    from tests.sql.events import Event

MICRO = Decimal("0.000001")
AMOUNTS = (1, 250_000, 1_000_000, 1_500_001, 3_000_000, 7_999_999)
LIFETIMES = (None, 1, 2, 3, 5)
PRIORITIES = (50, 0, 100)
# Price in minor units, and credits: whole shares, and shares that have to be cut.
PACKAGES = ((1500, 15_000_000), (997, 6_000_001))


def micro(amount: object) -> int:
    """Count micro-credits."""
    assert isinstance(amount, Decimal)
    return int(amount.scaleb(6))


@dataclass
class SpendingPlayer:
    """One user's account, in the model and in Postgres."""

    db: Database
    model: Account
    user_id: UUID
    spends: list[tuple[Spend, int]] = field(default_factory=list)
    holds: list[tuple[Hold, UUID]] = field(default_factory=list)
    purchases: list[tuple[Bought, Purchase]] = field(default_factory=list)
    lots: list[int] = field(default_factory=list)
    """The id of each lot in Postgres, in the model's order."""

    @classmethod
    @contextmanager
    def begin(cls, connection: psycopg.Connection[DictRow], *, may_overrun: bool) -> Iterator[SpendingPlayer]:
        """Start with a user who has nothing, and take back everything at the end."""
        db = Database(connection)
        with connection.transaction(force_rollback=True):
            db.execute("update credits.settings set allow_capture_overrun = %s", may_overrun)
            yield cls(db, Account(may_overrun), new_user(db))

    def step(self, name: str, which: int, how: int) -> None:
        """Do one thing in both worlds; what `which` and `how` mean depends on it."""
        getattr(self, f"_{name}")(which, how)
        self._compare_balances()

    def end(self) -> None:
        """Let the job run, and compare what is left of every lot and what every spend took."""
        self._expire(0, 0)
        left = self.db.rows("select id, remaining from credits.lots where user_id = %s", self.user_id)
        assert {row["id"]: micro(row["remaining"]) for row in left} == {
            self.lots[lot.number]: lot.remaining for lot in self.model.lots
        }
        entries = self.db.rows(
            "select id, lots from public.credit_ledger where user_id = %s and kind = 'spend'", self.user_id
        )
        assert {
            row["id"]: {int(lot): micro(-Decimal(str(part))) for lot, part in row["lots"].items()}
            for row in entries
        } == {
            entry_id: {self.lots[number]: part for number, part in spend.taken.items()}
            for spend, entry_id in self.spends
        }

    def _compare_balances(self) -> None:
        [seen] = self.db.rows(
            "select balance, held, available from public.credit_balance where user_id = %s "
            "union all select 0, 0, 0 where not exists "
            "(select from credits.accounts where user_id = %s)",
            self.user_id,
            self.user_id,
        )
        assert {name: micro(Decimal(amount)) for name, amount in seen.items()} == {
            "balance": self.model.balance,
            "held": self.model.held,
            "available": max(self.model.free, 0),
        }

    def _ask(self, expected: Callable[[], object], function: str, **arguments: object) -> DictRow | None:
        """Call both; give the answer, or None where both refuse for the same reason."""
        try:
            expected()
            refusal = None
        except RefusedError as error:
            refusal = str(error)
        answer = self._call(function, **arguments)
        if refusal is not None:
            assert answer == refusal
            return None
        assert not isinstance(answer, str), answer
        if "created" in answer:
            again = self._call(function, **arguments)
            assert again == answer | {"created": False}
        return answer

    def _call(self, function: str, **arguments: object) -> DictRow | str:
        self.db.execute("savepoint call")
        answer = answer_or_code(self.db, function, **arguments)
        self.db.execute("rollback to call" if isinstance(answer, str) else "release call")
        return answer

    def _posting(self, amount: int) -> dict[str, object]:
        return {
            "user_id": self.user_id,
            "amount": amount * MICRO,
            "idempotency_key": uuid4().hex,
            "description": "Usage",
        }

    def _amount(self, which: int) -> int:
        """Choose any amount, or just what is free, or a little more."""
        if which % 5 == 0 and self.model.free > 0:
            return self.model.free + which % 2
        return AMOUNTS[which % len(AMOUNTS)]

    def _give(self, which: int, how: int) -> None:
        hours = LIFETIMES[how % len(LIFETIMES)]
        priority = PRIORITIES[how % len(PRIORITIES)]
        amount = AMOUNTS[which % len(AMOUNTS)]
        expires_at = hours and self.db.column("select now() + %s", timedelta(hours=hours))[0]
        posting = self._posting(amount)
        posting["reason"] = posting.pop("description")
        answer = self._ask(
            lambda: self.model.give(amount, hours, priority),
            "grant_credits",
            **posting,
            expires_at=expires_at,
            priority=priority,
        )
        assert answer is not None
        self.lots.append(answer["entry_id"])

    def _buy(self, which: int, _how: int) -> None:
        price, credit_amount = PACKAGES[which % len(PACKAGES)]
        package_id = new_package(self.db, price, "usd", credit_amount * MICRO)
        purchase = open_purchase(self.db, self.user_id, package_id)
        self._hear(payment(purchase, "succeeded"))
        lot = self.model.give(credit_amount)
        self.purchases.append((Bought(lot, credit_amount, price), purchase))
        self.lots += self.db.column("select id from credits.lots where transaction_id = %s", purchase.id)

    def _spend(self, which: int, _how: int) -> None:
        amount = self._amount(which)
        made: list[Spend] = []
        answer = self._ask(
            lambda: made.append(self.model.spend(amount)), "spend_credits", **self._posting(amount)
        )
        if answer is not None:
            assert micro(answer["balance"]) == self.model.balance
            self.spends.append((made[0], answer["entry_id"]))

    def _hold(self, which: int, how: int) -> None:
        amount, hours = self._amount(which), 1 + how % 4
        made: list[Hold] = []
        answer = self._ask(
            lambda: made.append(self.model.hold(amount, hours)),
            "hold_credits",
            **self._posting(amount),
            expires_in=timedelta(hours=hours),
        )
        if answer is not None:
            self.holds.append((made[0], answer["hold_id"]))

    def _capture(self, which: int, how: int) -> None:
        if not self.holds:
            return
        hold, hold_id = self.holds[which % len(self.holds)]
        amount = (hold.amount, (hold.amount + 1) // 2, 1, hold.amount + 1, hold.amount + 2_000_000)[how % 5]
        if hold.status == "captured":
            amount = hold.amount + 10**9
        made: list[Spend] = []
        answer = self._ask(
            lambda: made.append(self.model.capture(hold, amount)),
            "capture_hold",
            hold_id=hold_id,
            amount=amount * MICRO,
        )
        if answer is not None:
            self.spends.append((made[0], answer["entry_id"]))

    def _release(self, which: int, _how: int) -> None:
        if self.holds:
            hold, hold_id = self.holds[which % len(self.holds)]
            answer = self._ask(lambda: self.model.release(hold), "release_hold", hold_id=hold_id)
            assert answer is None or answer["status"] == hold.status

    def _refund(self, which: int, how: int) -> None:
        if not self.spends:
            return
        spend, entry_id = self.spends[which % len(self.spends)]
        amount = (max(spend.left, 1), (spend.left + 1) // 2 or 1, 1, spend.left + 1)[how % 4]
        posting = self._posting(amount)
        self._ask(lambda: self.model.refund(spend, amount), "refund_spend", **posting, entry_id=entry_id)

    def _take_back(self, which: int, how: int) -> None:
        """Have Stripe refund a part of a purchase."""
        if self.purchases:
            bought, purchase = self.purchases[which % len(self.purchases)]
            part = min(1 + how * 7, bought.price - bought.refunded)
            if part > 0:
                bought.refunded += part
                self._hear(refund(purchase, f"re_{uuid4().hex}", part))
                self.model.settle(bought)

    def _dispute(self, which: int, _how: int) -> None:
        """Have a purchase's money withdrawn; what was won back once stays so."""
        if self.purchases:
            bought, purchase = self.purchases[which % len(self.purchases)]
            bought.is_disputed = True
            self._hear(dispute(purchase, "funds_withdrawn", "needs_response"))
            self.model.settle(bought)

    def _win(self, which: int, _how: int) -> None:
        if self.purchases:
            bought, purchase = self.purchases.pop(which % len(self.purchases))
            bought.is_disputed = False
            self._hear(dispute(purchase, "funds_reinstated", "won", at=30))
            self.model.settle(bought)

    def _wait(self, which: int, _how: int) -> None:
        hours = 1 + which % 3
        let_pass(self.db, self.user_id, timedelta(hours=hours))
        self.model.wait(hours)

    def _expire(self, _which: int, _how: int) -> None:
        self._call("expire_credits", max_accounts=10_000)

    def _hear(self, event: Event) -> None:
        answer = self._call("record_stripe_events", events=Jsonb([event]))
        assert not isinstance(answer, str), answer
        [verdict] = answer["record_stripe_events"]
        assert verdict["outcome"] == "applied"
