"""Plays payment histories in Postgres, as fast as it goes: everything pipelined, nothing committed."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.sql.credit_rules import Due
from tests.sql.database import Database, rpc_query
from tests.sql.histories import PACKAGES, USERS, Plan
from tests.sql.purchases import Purchase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg
    from psycopg.rows import DictRow

    from tests.sql.events import Event

GRANT = Decimal("2.5")


@dataclass(frozen=True)
class Outcome:
    """What a history came to: each purchase, each user's balance, and the outcomes stored for the events."""

    purchases: dict[UUID, Due]
    balances: dict[UUID, Decimal]
    events: set[str]


class HistoryPlayer:
    """One connection in which a history is played and taken back.

    Several play beside each other if each has a number of its own, which is part of all its ids.
    """

    def __init__(self, connection: psycopg.Connection[DictRow], number: int) -> None:
        self.db = Database(connection)
        self.number = number
        self.played = 0
        self.users: list[UUID] = []

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back what the block does."""
        with self.db.connection.transaction(force_rollback=True):
            yield

    def open(self, plan: Plan) -> list[Purchase]:
        """Make users with a grant each, packages, and the purchases, none of them attached yet.

        Their ids are new in every history: what was taken back stays in the indexes for a while, and the
        same ids again would be searched for among ever more of it.
        """
        self.played += 1
        self.users = [self._id(0xA0 + number) for number in range(USERS)]
        packages = [self._id(0xB0 + number) for number in range(len(PACKAGES))]
        with self.db.connection.pipeline():
            self.db.execute(
                "insert into auth.users (id, email) select id, id || '@example.test' from unnest(%s) as id",
                self.users,
            )
            self.db.execute(
                "insert into credits.packages (id, name, amount_minor, currency, credits) "
                "select id, 'Package', price, currency, credits from unnest("
                "%s::uuid[], %s::bigint[], %s::text[], %s::numeric[]) as p (id, price, currency, credits)",
                packages,
                *(list(column) for column in zip(*PACKAGES, strict=True)),
            )
            self._become("service_role")
            for user_id in self.users:
                self._call(
                    "grant_credits", user_id=user_id, amount=GRANT, reason="Welcome", idempotency_key="w"
                )
            opened = [
                self._call(
                    "open_credit_purchase",
                    user_id=self.users[one.user],
                    package_id=packages[one.package],
                    livemode=False,
                )
                for one in plan.purchases
            ]
        return [
            Purchase(
                row["transaction_id"],
                self.users[one.user],
                f"pi_{self.number}_{self.played}_{number}",
                *PACKAGES[one.package],
            )
            for number, (one, cursor) in enumerate(zip(plan.purchases, opened, strict=True))
            for row in cursor
        ]

    def _id(self, number: int) -> UUID:
        return UUID(int=self.played << 16 | self.number << 8 | number)

    def attach(self, purchases: Sequence[Purchase]) -> None:
        """Attach the PaymentIntent of each purchase."""
        with self.db.connection.pipeline():
            for purchase in purchases:
                self._call(
                    "attach_payment_intent",
                    transaction_id=purchase.id,
                    payment_intent_id=purchase.payment_intent,
                )

    def deliver(self, batches: Sequence[Sequence[Event]]) -> set[str]:
        """Deliver the batches one after the other; give the outcomes that there were."""
        with self.db.connection.pipeline():
            cursors = [self._call("record_stripe_events", events=Jsonb(batch)) for batch in batches]
        return {
            verdict["outcome"]
            for cursor in cursors
            for row in cursor
            for verdict in row["record_stripe_events"]
        }

    def read(self) -> Outcome:
        """Read what all came to, having added up every ledger entry along its balance_after."""
        with self.db.connection.pipeline():
            self._become("none")
            purchases = self._of_users(
                "id, status, refunded_minor, disputed_minor, credits_purchased, credits_refunded, "
                "credits_disputed from credits.transactions"
            )
            entries = self._of_users(
                "user_id, transaction_id, kind, amount, balance_after from credits.ledger_entries",
                "order by id",
            )
            accounts = self._of_users("user_id, balance from credits.accounts")
            events = self._of_users("distinct outcome from credits.stripe_events")
            self._become("service_role")

        sums: dict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
        balances: dict[UUID, Decimal] = defaultdict(Decimal)
        for entry in entries:
            sums[entry["transaction_id"], entry["kind"]] += entry["amount"]
            balances[entry["user_id"]] += entry["amount"]
            assert entry["balance_after"] == balances[entry["user_id"]]
        assert {row["user_id"]: row["balance"] for row in accounts} == balances

        found = {}
        for row in purchases:
            posted = [sums[row["id"], kind] for kind in ("purchase", "refund", "dispute")]
            assert posted == [row["credits_purchased"], -row["credits_refunded"], -row["credits_disputed"]]
            found[row["id"]] = Due(row["status"], row["refunded_minor"], row["disputed_minor"], *posted)
        return Outcome(found, dict(balances), {row["outcome"] for row in events})

    def _call(self, function: str, **arguments: object) -> psycopg.Cursor[DictRow]:
        return self.db.execute(rpc_query(function, arguments), *arguments.values())

    def _become(self, role: str) -> None:
        self.db.execute("select set_config('role', %s, true)", role)

    def _of_users(self, columns: str, order: str = "") -> psycopg.Cursor[DictRow]:
        return self.db.execute(f"select {columns} where user_id = any(%s) {order}", self.users)
