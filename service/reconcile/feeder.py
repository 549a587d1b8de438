"""Hands to the database what it lacks, and remembers what changed by it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from service.bookkeeping import MANY
from service.events import project_event
from service.patience import patiently
from service.reconcile.comparison import Verdict, compare, replaced_at
from service.reconcile.report import Change, Sent, State, Unmended
from service.reconcile.snapshots import transaction_named_in

if TYPE_CHECKING:
    import uuid
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    import msgspec

    from service.bookkeeping import Bookkeeping, Facts, Outcome
    from service.ledger import EventOutcome
    from service.reconcile.snapshots import Snapshot

    Event: TypeAlias = dict[str, Any]
    Candidate: TypeAlias = tuple[Event, Facts | None]


LATE: Final = 300
"""Seconds after which an event should have come by a webhook; a younger one may be on its way."""


class Feeder:
    """Sends events through `record_stripe_events`, as the webhook does; in a dry run it only notes them.

    Attributes:
        missing_events: How many of Stripe's events were not in the database.
        late_events: How many of them were more than LATE seconds old.
        differing_objects: How many objects told more than the database knew.
        outcomes: What became of those sent.
        unmended: Those that do not fit, and why.
    """

    def __init__(self, books: Bookkeeping, *, livemode: bool, dry_run: bool) -> None:
        self.missing_events = 0
        self.late_events = 0
        self.differing_objects = 0
        self.outcomes: Counter[str] = Counter()
        self.unmended: list[Unmended] = []
        self._books = books
        self._livemode = livemode
        self._dry_run = dry_run
        self._was: dict[uuid.UUID, Facts] = {}
        self._sent: defaultdict[uuid.UUID, list[Sent]] = defaultdict(list)
        self._told_by_events: set[str] = set()

    async def feed_events(self, listed: Iterable[msgspec.Raw], now: int) -> None:
        """Send those of Stripe's events that the database has not taken yet, at most MANY.

        `now` is Stripe's own time, in Unix seconds.
        """
        # Stripe lists the newest first; a ledger reads better in the order in which things happened.
        events = [project_event(bytes(raw)) for raw in listed][::-1]
        outcomes = await self._read_outcomes(events)
        missing = [event for event in events if _is_untaken(outcomes.get(event["id"]))]
        self.missing_events += len(missing)
        self.late_events += sum(now - event.get("created", now) > LATE for event in missing)
        known = await self._read_known([_purchase_of(event) for event in missing])
        if self._dry_run:
            self._told_by_events.update(event["object"]["id"] for event in missing if "object" in event)
        await self._send(list(zip(missing, known, strict=True)))

    async def feed_snapshots(
        self, snapshots: Collection[Snapshot], look_again: Callable[[Snapshot], Awaitable[Snapshot]]
    ) -> None:
        """Send those objects, at most MANY, that tell more than the database knows.

        `look_again` asks Stripe for an object anew: what is known is read after the objects were, so a
        payment that looks unpaid may have been paid in between.
        """
        known = await self._read_known([(s.payment_intent, s.transaction_id) for s in snapshots])
        missed: list[Candidate] = []
        for snapshot, facts in zip(snapshots, known, strict=True):
            verdict = compare(snapshot, facts)
            if verdict is Verdict.UNPAID and compare(await look_again(snapshot), facts) is Verdict.UNPAID:
                reason = f"credited here, {snapshot.state} at Stripe"
                self.unmended.append(Unmended(snapshot.id, reason, facts.transaction_id if facts else None))
            elif verdict is Verdict.MISSED and snapshot.id not in self._told_by_events:
                event = snapshot.event(livemode=self._livemode, replaces=replaced_at(snapshot, facts))
                missed.append((event, facts))
        await self._send(await self._leave_out_taken(missed))

    async def read_changes(self) -> list[Change]:
        """What the purchases were that something was missing about, and what they are now."""
        now: dict[uuid.UUID, Facts] = {}
        ids = list(self._was)
        for start in range(0, 0 if self._dry_run else len(ids), MANY):
            chunk = ids[start : start + MANY]
            for facts in await patiently(self._books.read_facts, [], chunk):
                now[facts.transaction_id] = facts
        return [
            Change(
                transaction_id,
                was.user_id,
                now.get(transaction_id, was).payment_intent_id,
                State.of(was),
                State.of(now[transaction_id]) if transaction_id in now else None,
                self._sent[transaction_id],
            )
            for transaction_id, was in self._was.items()
        ]

    async def _leave_out_taken(self, missed: Sequence[Candidate]) -> list[Candidate]:
        outcomes = await self._read_outcomes([event for event, _ in missed])
        left: list[Candidate] = []
        for event, facts in missed:
            earlier = outcomes.get(event["id"])
            if earlier is None or _is_untaken(earlier):
                left.append((event, facts))
            elif earlier.outcome == "mismatch":
                # An earlier run has sent it in vain. Any other has been taken since the facts were read.
                self._note_unmended(earlier)
        self.differing_objects += len(left)
        return left

    async def _send(self, candidates: Sequence[Candidate]) -> None:
        for event, facts in candidates:
            if facts is not None:
                self._was.setdefault(facts.transaction_id, facts)
                self._sent[facts.transaction_id].append(Sent(event["id"], event["type"]))
        if self._dry_run or not candidates:
            return
        events = [event for event, _ in candidates]
        for outcome in await patiently(self._books.record_stripe_events, events):
            self.outcomes[outcome.outcome] += 1
            if outcome.outcome in {"mismatch", "failed"}:
                self._note_unmended(outcome)

    def _note_unmended(self, outcome: Outcome | EventOutcome) -> None:
        reason = f"{outcome.outcome}: {outcome.reason}"
        self.unmended.append(Unmended(outcome.id, reason, outcome.transaction_id))

    async def _read_outcomes(self, events: Sequence[Event]) -> dict[str, Outcome]:
        if not events:
            return {}
        return await patiently(self._books.read_outcomes, [event["id"] for event in events])

    async def _read_known(self, wanted: Sequence[tuple[str | None, uuid.UUID | None]]) -> list[Facts | None]:
        """What is known of each, by its PaymentIntent or else by the purchase that it names."""
        intents = list({intent for intent, _ in wanted if intent is not None})
        purchases = list({purchase for _, purchase in wanted if purchase is not None})
        found = await patiently(self._books.read_facts, intents, purchases)
        by_intent = {facts.payment_intent_id: facts for facts in found if facts.payment_intent_id}
        by_id = {facts.transaction_id: facts for facts in found}
        return [
            by_intent.get(intent or "") or (None if purchase is None else by_id.get(purchase))
            for intent, purchase in wanted
        ]


def _is_untaken(outcome: Outcome | None) -> bool:
    return outcome is None or outcome.outcome == "failed"


def _purchase_of(event: Event) -> tuple[str | None, uuid.UUID | None]:
    """The PaymentIntent that an event is about, and the purchase that this names."""
    found: dict[str, Any] = event.get("object", {})
    if found.get("object") == "payment_intent":
        return found["id"], transaction_named_in(found)
    return found.get("payment_intent"), None
