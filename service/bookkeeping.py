"""What the commands of an operator ask of the schema, beside what the service needs."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from service.ledger import Ledger
from service.rest import View

if TYPE_CHECKING:
    from postgrest import AsyncSelectRequestBuilder

MANY: Final = 100
"""Ids that fit into one request: the address of a GET carries them."""

MAX_ROWS: Final = 1000
"""Rows that are asked for at once, what hosted projects give at most; a project may give fewer."""

OPEN_STATUSES: Final = ("pending", "requires_action", "failed")
"""Purchases that somebody could still pay. A `processing` one is being paid, which may take days."""


class DisputeFacts(msgspec.Struct):
    """What is known of a dispute; the amount in the currency's smallest unit, times in Unix seconds."""

    status: str
    status_at: int | None
    amount_minor: int
    funds: str


class Facts(msgspec.Struct):
    """What is known of a purchase: Stripe's word on it, and what it gives as it stands.

    Amounts are in the currency's major unit, `payment_state_at` in Unix seconds (None: nothing came yet).
    `refunds` maps each refund to its status.
    """

    transaction_id: uuid.UUID
    user_id: uuid.UUID
    livemode: bool
    payment_intent_id: str | None
    amount: Decimal
    currency: str
    status: str
    refunded_amount: Decimal
    disputed_amount: Decimal
    credits: Decimal
    payment_state: str
    payment_state_at: int | None
    refunds: dict[str, str]
    disputes: dict[str, DisputeFacts]


class EventRow(msgspec.Struct):
    """An event as it was received, and what became of it. `payload` is its projection."""

    id: str
    type: str
    outcome: str
    reason: str | None
    user_id: uuid.UUID | None
    transaction_id: uuid.UUID | None
    livemode: bool | None
    attempts: int
    created_at: datetime | None
    received_at: datetime
    payload: dict[str, Any]


class AuditFinding(msgspec.Struct):
    """One thing that does not add up: its stable name, whose it is, what it is about, the figures."""

    finding: str
    user_id: uuid.UUID | None
    subject: str
    detail: str | None


class Total(msgspec.Struct):
    """How many entries of a kind, and the credits that they moved."""

    entries: int
    amount: Decimal


class StatementSummary(msgspec.Struct):
    """What an account held and moved, in credits, from `since` on to before `until`; totals by kind."""

    user_id: uuid.UUID
    currency: str
    since: datetime
    until: datetime
    opening: Decimal
    closing: Decimal
    totals: dict[str, Total]


class LedgerRow(msgspec.Struct):
    """One entry as users see it. Within an account no two have the same `created_at`, and it only rises."""

    id: int
    created_at: datetime
    kind: str
    description: str
    amount: Decimal
    balance_after: Decimal
    transaction_id: uuid.UUID | None
    spend_id: int | None
    metadata: dict[str, Any] | None


class ReportRow(msgspec.Struct):
    """One account of the journal in one unit, in that unit's places: debit is above zero, credit below.

    The unit is "credits" or a currency, in its major unit.
    """

    unit: str
    account: str
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal


class Outcome(msgspec.Struct):
    """What became of an event when it was received."""

    id: str
    outcome: str
    reason: str | None
    transaction_id: uuid.UUID | None


class _Id(msgspec.Struct):
    id: uuid.UUID


class _Closed(msgspec.Struct):
    status: str


class Bookkeeping(Ledger):
    """Reads everything and writes with the secret key. It raises what `Ledger` raises."""

    async def read_facts(
        self, payment_intent_ids: Sequence[str], transaction_ids: Sequence[uuid.UUID] = ()
    ) -> list[Facts]:
        """What is known of these purchases, found by PaymentIntent or by id; of others nothing."""
        if not payment_intent_ids and not transaction_ids:
            return []
        return await self._call(
            list[Facts],
            "credit_facts",
            payment_intent_ids=list(payment_intent_ids),
            transaction_ids=[str(transaction_id) for transaction_id in transaction_ids],
        )

    async def read_outcomes(self, event_ids: Sequence[str]) -> dict[str, Outcome]:
        """What became of those events, at most MANY, that were received."""
        rows = await self._select(
            list[Outcome],
            "credit_events",
            lambda view: view.select("id", "outcome", "reason", "transaction_id").in_("id", event_ids),
        )
        return {row.id: row for row in rows}

    async def list_purchases(
        self, statuses: Sequence[str], opened_before: datetime, after: uuid.UUID | None
    ) -> list[uuid.UUID]:
        """Ids of at most MANY purchases in one of these statuses, by id, from beyond `after` on."""

        def query(view: View) -> "AsyncSelectRequestBuilder":
            found = view.select("id").in_("status", statuses).lt("created_at", opened_before.isoformat())
            if after is not None:
                found = found.gt("id", str(after))
            return found.order("id").limit(MANY)

        rows = await self._select(list[_Id], "credit_transactions", query)
        return [row.id for row in rows]

    async def close_credit_purchase(self, transaction_id: uuid.UUID) -> str:
        """Cancel a purchase that never got a PaymentIntent; its status then."""
        closed = await self._call(_Closed, "close_credit_purchase", transaction_id=transaction_id)
        return closed.status

    async def list_events(
        self,
        filters: Mapping[str, str],
        *,
        received_since: datetime | None = None,
        newest: int,
    ) -> list[EventRow]:
        """The newest events, oldest first. `filters` are column names and the value that each must have.

        A value that ends in `*` stands for all that begin so.
        """

        def query(view: View) -> "AsyncSelectRequestBuilder":
            found = view.select("*")
            for column, value in filters.items():
                # An underscore stands for any character in a pattern.
                pattern = value.replace("_", r"\_")
                found = found.like(column, pattern) if value.endswith("*") else found.eq(column, value)
            if received_since is not None:
                found = found.gte("received_at", received_since.isoformat())
            return found.order("received_at", desc=True).order("id", desc=True).limit(newest)

        return (await self._select(list[EventRow], "credit_events", query))[::-1]

    async def explain(self, subject: str) -> msgspec.Raw:
        """Everything known about a user, a purchase or a PaymentIntent: the JSON of `explain_credits`."""
        return await self._call(msgspec.Raw, "explain_credits", subject=subject)

    async def read_statement(self, user_id: uuid.UUID, since: datetime, until: datetime) -> StatementSummary:
        """The sums of a period of an account."""
        return await self._call(
            StatementSummary,
            "credit_statement",
            user_id=str(user_id),
            since=since.isoformat(),
            until=until.isoformat(),
        )

    async def list_entries(
        self, user_id: uuid.UUID, since: datetime, until: datetime, *, after: datetime | None
    ) -> list[LedgerRow]:
        """Some entries of a period, oldest first, from beyond the one at `after` on; none at the end."""

        def query(view: View) -> "AsyncSelectRequestBuilder":
            found = view.select(*LedgerRow.__struct_fields__).eq("user_id", str(user_id))
            found = found.lt("created_at", until.isoformat())
            if after is None:
                found = found.gte("created_at", since.isoformat())
            else:
                found = found.gt("created_at", after.isoformat())
            return found.order("created_at").limit(MAX_ROWS)

        return await self._select(list[LedgerRow], "credit_ledger", query)

    async def report(self, since: datetime, until: datetime) -> list[ReportRow]:
        """The trial balance of a period. Reads the whole ledger."""
        return await self._call(
            list[ReportRow], "credit_report", since=since.isoformat(), until=until.isoformat()
        )

    async def expire(self, max_accounts: int) -> int:
        """Post what has lapsed, of at most so many accounts in one transaction; how many it went through."""
        return await self._call(int, "expire_credits", max_accounts=max_accounts)

    async def audit(self) -> list[AuditFinding]:
        """All that does not add up in the whole database."""
        return await self._call(list[AuditFinding], "audit_credits")

    async def save_check(self, name: str, findings: int) -> None:
        """Keep how much a check found, in place of what it found before."""
        await self._send("save_credit_check", {"name": name, "findings": findings})
