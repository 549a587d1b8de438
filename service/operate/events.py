"""`topup events`: what Stripe sent and what became of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import typer
from rich.text import Text

from service.operate.tables import STYLES, print_table
from service.patience import patiently
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from service.bookkeeping import Bookkeeping, EventRow

_POLL_SECONDS: Final = 2.0
_LATE_COMMIT: Final = timedelta(seconds=60)
_MOST_AT_ONCE: Final = 1000
_HEADINGS: Final = ("RECEIVED (UTC)", "OUTCOME", "TYPE", "PURCHASE", "EVENT")


async def follow_events(
    books: Bookkeeping, filters: Mapping[str, str], shown: Sequence[EventRow]
) -> AsyncIterator[list[EventRow]]:
    """What comes in after `shown`, the newest events so far: each once, and again if it is soon retried.

    An event is stamped when its transaction begins and can be seen when that ends. So every look goes back
    some way behind the newest one, but not behind the oldest that is shown: what is older was left out.
    """
    oldest = shown[0].received_at if shown else None
    latest = shown[-1].received_at if shown else None
    seen = {(row.id, row.attempts) for row in shown}
    while True:
        since = None if latest is None or oldest is None else max(oldest, latest - _LATE_COMMIT)
        rows = await patiently(books.list_events, filters, received_since=since, newest=_MOST_AT_ONCE)
        yield [row for row in rows if (row.id, row.attempts) not in seen]
        seen = {(row.id, row.attempts) for row in rows}
        if rows:
            oldest = rows[0].received_at if oldest is None else oldest
            latest = rows[-1].received_at
        await asyncio.sleep(_POLL_SECONDS)


def print_json(rows: Sequence[EventRow]) -> None:
    """A line of JSON for each: the fields of an `EventRow`."""
    for row in rows:
        typer.echo(msgspec.json.encode(row).decode())


def print_events(rows: Sequence[EventRow]) -> None:
    """A line for each, the newest last."""
    console = make_console()
    if not rows:
        console.print("No such event was received.")
        return
    print_table(console, _HEADINGS, [_cells(row) for row in rows])


def print_lines(rows: Sequence[EventRow]) -> None:
    """A line for each as they come in, so in columns of fixed width."""
    console = make_console()
    for row in rows:
        received, outcome, event_type, purchase, event_id = _cells(row)
        line = f"{received}  {outcome:<20}  {event_type:<32}  {purchase:<36}  {event_id}"
        console.print(Text(line, style=STYLES.get(row.outcome, "")), soft_wrap=True)
    # Whoever reads it through a pipe gets it now.
    console.file.flush()


def _cells(row: EventRow) -> tuple[str, ...]:
    outcome = row.outcome if row.reason is None else f"{row.outcome}: {row.reason}"
    received = row.received_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return received, outcome, row.type, str(row.transaction_id or "-"), row.id
