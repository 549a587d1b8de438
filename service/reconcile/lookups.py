"""Purchases that are looked up at Stripe one by one, because no list shows them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from service.errors import FailedError
from service.patience import patiently
from service.reconcile.report import Unmended
from service.reconcile.snapshots import Snapshot, take_snapshot

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from service.bookkeeping import Bookkeeping, Facts
    from service.reconcile.feeder import Feeder
    from service.stripe_api import Answer, StripeApi

_T = TypeVar("_T")

AT_ONCE: Final = 8
"""Requests to Stripe in flight: a third of what its test mode allows in a second."""


class Lookups:
    """Single PaymentIntents of purchases, a bounded number at a time."""

    def __init__(
        self, books: Bookkeeping, stripe_api: StripeApi, feeder: Feeder, *, livemode: bool, dry_run: bool
    ) -> None:
        self.books = books
        self.stripe_api = stripe_api
        self.feeder = feeder
        self.dry_run = dry_run
        self._livemode = livemode
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def purchases(self, statuses: Sequence[str], opened_before: datetime) -> AsyncIterator[list[Facts]]:
        """What is known of all purchases of this mode in one of these statuses, some at a time."""
        after: uuid.UUID | None = None
        while True:
            ids = await patiently(self.books.list_purchases, statuses, opened_before, after)
            if not ids:
                return
            found = await patiently(self.books.read_facts, [], ids)
            yield [facts for facts in found if facts.livemode == self._livemode]
            after = ids[-1]

    async def each(
        self, purchases: Sequence[Facts], look: Callable[[Facts], Awaitable[_T | None]]
    ) -> list[_T]:
        """What `look` gives for each purchase, without the Nones. Raises the first error of any."""

        async def bounded(facts: Facts) -> _T | None:
            async with self._slots:
                return await look(facts)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(bounded(facts)) for facts in purchases]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        return [found for task in tasks if (found := task.result()) is not None]

    async def find_payment_intent(self, facts: Facts) -> Snapshot | None:
        """The PaymentIntent of a purchase as it is now; None, and noted, if Stripe does not have it."""
        try:
            return await self.read_payment_intent(facts.payment_intent_id or "")
        except FailedError as failure:
            if failure.code != "stripe_resource_missing":
                raise
            reason = "Stripe has no such PaymentIntent"
            self.feeder.unmended.append(Unmended(facts.payment_intent_id or "", reason, facts.transaction_id))
            return None

    async def read_payment_intent(self, payment_intent_id: str) -> Snapshot:
        """A PaymentIntent as it is now."""
        return as_payment_intent(
            await patiently(self.stripe_api.read, f"/v1/payment_intents/{payment_intent_id}")
        )

    async def look_again(self, snapshot: Snapshot) -> Snapshot:
        """The PaymentIntent of an earlier snapshot as it is now."""
        return await self.read_payment_intent(snapshot.id)


def as_payment_intent(answer: Answer) -> Snapshot:
    """The PaymentIntent in an answer of Stripe."""
    return take_snapshot("payment_intent", msgspec.Raw(answer.body), answer.at)
