"""Purchases that stay open: looked up once Stripe lists no events of them any more, and closed when stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from service.bookkeeping import OPEN_STATUSES
from service.errors import ConflictError, FailedError
from service.patience import patiently
from service.reconcile.lookups import as_payment_intent
from service.reconcile.report import Closed
from service.reconcile.snapshots import take_snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from service.bookkeeping import Facts
    from service.reconcile.lookups import Lookups
    from service.reconcile.snapshots import Snapshot

_CANCELABLE: Final = ("pending", "requires_action", "failed")


async def look_up_open(lookups: Lookups, opened_before: datetime) -> None:
    """Compare those purchases that are not over, though no list of Stripe shows their PaymentIntent."""
    async for purchases in lookups.purchases((*OPEN_STATUSES, "processing"), opened_before):
        tied = [facts for facts in purchases if facts.payment_intent_id is not None]
        found = await lookups.each(tied, lookups.find_payment_intent)
        await lookups.feeder.feed_snapshots(found, lookups.look_again)


async def close_stale(lookups: Lookups, opened_before: datetime) -> list[Closed]:
    """Cancel at Stripe what nobody paid, and so here; close here what has no PaymentIntent there either."""
    closed: list[Closed] = []

    async def close(facts: Facts) -> list[Snapshot]:
        if facts.payment_intent_id is None:
            found = await _search(lookups, facts)
            if not found and await _close_here(lookups, facts):
                closed.append(Closed(facts.transaction_id, None, "closed_without_payment_intent"))
        else:
            intent = await lookups.find_payment_intent(facts)
            found = [] if intent is None else [intent]
        now = [await _cancel(lookups, one) if one.state in _CANCELABLE else one for one in found]
        for before, after in zip(found, now, strict=True):
            if before.state in _CANCELABLE and (lookups.dry_run or after.state == "canceled"):
                closed.append(Closed(facts.transaction_id, before.id, "canceled_at_stripe"))
        return now

    async for purchases in lookups.purchases(OPEN_STATUSES, opened_before):
        found = await lookups.each(purchases, close)
        snapshots = [snapshot for of_one in found for snapshot in of_one]
        await lookups.feeder.feed_snapshots(snapshots, lookups.look_again)
    return closed


async def _search(lookups: Lookups, facts: Facts) -> list[Snapshot]:
    """The PaymentIntents that name a purchase.

    Stripe finds them some time after they were made (its documentation, "Search": mostly a minute). Closing
    a purchase whose PaymentIntent was not found does no harm: if that is ever paid, it counts.
    """
    query = f'metadata["transaction_id"]:"{facts.transaction_id}"'
    page = await patiently(lookups.stripe_api.list_page, "/v1/payment_intents/search", query=query)
    return [take_snapshot("payment_intent", raw, page.at) for raw in page.data]


async def _cancel(lookups: Lookups, intent: Snapshot) -> Snapshot:
    """The PaymentIntent, canceled; or as it is, if it was paid a moment ago or the run is dry."""
    if lookups.dry_run:
        return intent
    try:
        return as_payment_intent(await patiently(lookups.stripe_api.cancel_payment_intent, intent.id))
    except FailedError as failure:
        if failure.code != "stripe_payment_intent_unexpected_state":
            raise
        return await lookups.look_again(intent)


async def _close_here(lookups: Lookups, facts: Facts) -> bool:
    """Close a purchase that has no PaymentIntent; whether that is so (or would be, in a dry run)."""
    if lookups.dry_run:
        return True
    try:
        status = await patiently(lookups.books.close_credit_purchase, facts.transaction_id)
    except ConflictError:
        return False  # it has got its PaymentIntent this moment
    return status == "canceled"
