"""One run: read Stripe, compare, feed what is missing.

It keeps no cursor: what was fed is in the database, so a run that was killed is simply run again. Two at
once, or one beside live webhooks, only find less to do, as the same events give the same ledger in any
order.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from service.event_types import HANDLED_EVENT_TYPES
from service.reconcile.feeder import Feeder
from service.reconcile.lookups import Lookups
from service.reconcile.pages import last_of, read_pages
from service.reconcile.report import Report
from service.reconcile.snapshots import Kind, take_snapshot
from service.reconcile.stale import close_stale, look_up_open

if TYPE_CHECKING:
    from service.bookkeeping import Bookkeeping
    from service.reconcile.progress import Progress
    from service.reconcile.report import Closed
    from service.stripe_api import Page, StripeApi

EVENTS_KEPT: Final = timedelta(days=30)
"""How long Stripe lists events (its documentation, "List all events")."""


class _List(NamedTuple):
    kind: Kind
    path: str
    longest: timedelta
    """How long such an object may take to its final state."""


_LISTS: Final = (
    # First, as a PaymentIntent that was never tied to its purchase makes its refunds ours.
    _List("payment_intent", "/v1/payment_intents", timedelta(days=30)),
    _List("refund", "/v1/refunds", timedelta(days=60)),
    _List("dispute", "/v1/disputes", timedelta(days=180)),
)


class Reconciliation:
    """Compares one Stripe account with one database. In a dry run nothing is written anywhere."""

    def __init__(
        self, books: Bookkeeping, stripe_api: StripeApi, progress: Progress, *, livemode: bool, dry_run: bool
    ) -> None:
        self._stripe_api = stripe_api
        self._books = books
        self._progress = progress
        self._dry_run = dry_run
        self._feeder = Feeder(books, livemode=livemode, dry_run=dry_run)
        self._lookups = Lookups(books, stripe_api, self._feeder, livemode=livemode, dry_run=dry_run)
        self._read: Counter[str] = Counter()

    async def run(self, since: datetime, stale_after: timedelta | None = None) -> Report:
        """Compare what happened since then.

        Args:
            since: Read events and objects from this moment on. If that is before the events that Stripe still
                lists, objects that were created earlier and may have changed since are read too.
            stale_after: Close purchases that nobody has paid for this long; None closes none.
        """
        now = datetime.now(UTC)
        await self._read_events(since)
        beyond_events = now - since > EVENTS_KEPT
        for listed in _LISTS:
            await self._read_objects(listed, since - listed.longest if beyond_events else since)
        if beyond_events:
            await look_up_open(self._lookups, since)
        closed: list[Closed] = []
        if stale_after is not None:
            closed = await close_stale(self._lookups, now - stale_after)
        feeder = self._feeder
        return Report(
            success=not feeder.unmended,
            dry_run=self._dry_run,
            since=since,
            read={name: self._read[name] for name in ("event", *(listed.kind for listed in _LISTS))},
            missing_events=feeder.missing_events,
            late_events=feeder.late_events,
            differing_objects=feeder.differing_objects,
            outcomes=dict(feeder.outcomes),
            purchases=await feeder.read_changes(),
            closed=closed,
            unmended=feeder.unmended,
        )

    async def _read_events(self, since: datetime) -> None:
        start = int(since.timestamp())
        async for page in read_pages(
            self._stripe_api, "/v1/events", types=list(HANDLED_EVENT_TYPES), created={"gte": start}
        ):
            await self._feeder.feed_events(page.data, page.at)
            self._show("event", page, start)

    async def _read_objects(self, listed: _List, since: datetime) -> None:
        start = int(since.timestamp())
        async for page in read_pages(self._stripe_api, listed.path, created={"gte": start}):
            snapshots = [take_snapshot(listed.kind, raw, page.at) for raw in page.data]
            await self._feeder.feed_snapshots(snapshots, self._lookups.look_again)
            self._show(listed.kind, page, start)

    def _show(self, kind: str, page: Page, start: int) -> None:
        self._read[kind] += len(page.data)
        share = 1.0
        if page.has_more:
            now = time.time()
            share = (now - last_of(page).created) / max(now - start, 1.0)
        self._progress.show(f"{kind.replace('_', ' ')}s", self._read[kind], share)
