"""The story of a purchase: events and ledger entries, in the order in which they took effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from service.operate.money import show_credits
from service.operate.words import tell, tell_entry, tell_outcome, tell_source

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from service.operate.explanation import Entry, Event, Explanation, Purchase

_LATE: Final = timedelta(minutes=1)


class Moment(NamedTuple):
    """One line: when, what happened, the credits it moved and the balance then, and where that is from."""

    at: datetime
    what: str
    credits: str = ""
    balance: str = ""
    source: str = ""


def tell_purchase(told: Explanation, purchase: Purchase) -> list[Moment]:
    """All that happened to one purchase."""
    opened = Moment(purchase.created_at, "purchase opened", source=str(purchase.id))
    events = [event for event in told.events if event.transaction_id == purchase.id]
    entries = [entry for entry in told.entries if entry.transaction_id == purchase.id]
    return [opened, *_tell(events, entries)]


def tell_rest(told: Explanation) -> list[Moment]:
    """What moved the balance and belongs to no purchase."""
    known: set[uuid.UUID] = {purchase.id for purchase in told.purchases}
    return _tell([], [entry for entry in told.entries if entry.transaction_id not in known])


def _tell(events: Iterable[Event], entries: Iterable[Entry]) -> list[Moment]:
    by_cause: dict[str, list[Entry]] = {}
    for entry in entries:
        by_cause.setdefault(entry.cause, []).append(entry)
    # Within one call all are stamped alike; what happened first comes first.
    ordered = sorted(events, key=lambda e: (e.received_at, e.created_at or e.received_at, e.id))
    moments: list[Moment] = []
    for event in ordered:
        moved = by_cause.pop(event.id, [])
        moments.append(_moment(event.received_at, _tell_event(event), moved[:1], event.id))
        # A refund that was known before the payment takes its credits at the moment when these are there.
        moments += [
            _moment(event.received_at, f"{entry.description} (told earlier)", [entry], event.id)
            for entry in moved[1:]
        ]
    moments += [
        _moment(entry.created_at, tell_entry(entry), [entry], tell_source(entry))
        for left in by_cause.values()
        for entry in left
    ]
    return _mark_repeated(sorted(moments, key=lambda moment: moment.at))


def _mark_repeated(moments: Iterable[Moment]) -> list[Moment]:
    """Stripe tells of most changes by several events; the later ones are shown to be nothing new."""
    told: set[str] = set()
    marked = []
    for moment in moments:
        repeated = moment.what in told and not moment.credits
        told.add(moment.what)
        marked.append(moment._replace(what=f"{moment.what} (told again)") if repeated else moment)
    return marked


def _moment(at: datetime, what: str, moved: list[Entry], source: str) -> Moment:
    """A moment that moved the balance by one entry, or by none."""
    if not moved:
        return Moment(at, what, source=source)
    [entry] = moved
    credit, balance = show_credits(entry.amount, signed=True), show_credits(entry.balance_after)
    return Moment(at, what, credit, balance, source)


def _tell_event(event: Event) -> str:
    notes = [tell_outcome(event)]
    if event.id.startswith("reconcile:"):
        notes.append("found by reconciliation")
    elif event.created_at is not None and event.received_at - event.created_at > _LATE:
        notes.append(f"happened {show_time(event.created_at)}, arrived late")
    if event.attempts > 1:
        notes.append(f"attempt {event.attempts}")
    told = "; ".join(filter(None, notes))
    return f"{tell(event)} ({told})" if told else tell(event)


def show_time(at: datetime) -> str:
    """A moment in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
