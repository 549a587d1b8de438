"""`topup statement`: what one account held, and every movement of it, in a period."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from rich.text import Text

from service.errors import FailedError
from service.operate.csv_files import show_text, to_csv
from service.operate.money import places_of, show_credits
from service.operate.periods import Period, show_period
from service.operate.tables import print_table
from service.operate.timeline import show_time
from service.terminal import make_console

if TYPE_CHECKING:
    import uuid

    from service.bookkeeping import Bookkeeping, LedgerRow, StatementSummary

_HEADINGS: Final = ("created_at", "entry", "kind", "description", "amount", "balance", "purchase", "spend")


class Statement(NamedTuple):
    """The sums of a period and the entries that they sum up, oldest first."""

    summary: StatementSummary
    entries: list[LedgerRow]

    def find_fault(self) -> str | None:
        """What does not add up in it; None if all does."""
        balance = self.summary.opening
        for entry in self.entries:
            balance += entry.amount
            if balance != entry.balance_after:
                return f"entry {entry.id} ends at {entry.balance_after}, and not at {balance}"
        if balance != self.summary.closing:
            return f"the entries end at {balance}, and the period at {self.summary.closing}"
        totals: dict[str, Decimal] = dict.fromkeys(self.summary.totals, Decimal())
        for entry in self.entries:
            totals[entry.kind] = totals.get(entry.kind, Decimal()) + entry.amount
        if totals != {kind: total.amount for kind, total in self.summary.totals.items()}:
            return "the totals are not the sums of the entries"
        return None


async def read_statement(books: Bookkeeping, user_id: uuid.UUID, period: Period) -> Statement:
    """A statement that is whole even while the account moves.

    The sums are of one moment. Within an account `created_at` only rises and no entry ever goes, so the
    first of the period's entries, as many as were summed up, are those.

    Raises:
        FailedError: There are fewer entries than were summed up.
    """
    summary = await books.read_statement(user_id, period.since, period.until)
    wanted = sum(total.entries for total in summary.totals.values())
    entries: deque[LedgerRow] = deque()
    while len(entries) < wanted:
        last = entries[-1].created_at if entries else None
        page = await books.list_entries(user_id, period.since, period.until, after=last)
        if not page:
            raise FailedError("entries_are_missing")
        entries.extend(page[: wanted - len(entries)])
    return Statement(summary, list(entries))


def to_json(statement: Statement) -> bytes:
    """{success, user_id, currency, since, until, opening, closing, totals, entries}; decimals as numbers."""
    fields = {
        "success": statement.find_fault() is None,
        **msgspec.structs.asdict(statement.summary),
        "entries": statement.entries,
    }
    return msgspec.json.Encoder(decimal_format="number").encode(fields)


def to_records(statement: Statement) -> str:
    """CSV: a record for the opening balance, one for each entry, one for the closing balance."""
    summary = statement.summary
    entries = [
        (
            entry.created_at.astimezone(UTC).isoformat(),
            str(entry.id),
            entry.kind,
            show_text(entry.description),
            f"{entry.amount:f}",
            f"{entry.balance_after:f}",
            str(entry.transaction_id or ""),
            str(entry.spend_id or ""),
        )
        for entry in statement.entries
    ]
    opening = (
        summary.since.astimezone(UTC).isoformat(),
        "",
        "opening",
        "",
        "",
        f"{summary.opening:f}",
        "",
        "",
    )
    closing = (
        summary.until.astimezone(UTC).isoformat(),
        "",
        "closing",
        "",
        "",
        f"{summary.closing:f}",
        "",
        "",
    )
    return to_csv(_HEADINGS, [opening, *entries, closing])


def print_statement(statement: Statement) -> None:
    """For a person: the period, the entries between two balances, and the totals by kind."""
    console = make_console()
    summary, entries = statement.summary, statement.entries
    period = show_period(Period(summary.since, summary.until), datetime.now(UTC))
    console.print(Text.assemble("Credits of ", (str(summary.user_id), "bold")), soft_wrap=True)
    console.print(f"{period}\n", soft_wrap=True)
    places = places_of(
        [
            summary.opening,
            summary.closing,
            *(entry.amount for entry in entries),
            *(e.balance_after for e in entries),
        ]
    )
    rows = [("", "opening balance", "", "", show_credits(summary.opening, places=places))]
    rows += [
        (
            show_time(entry.created_at),
            entry.kind.replace("_", " "),
            " ".join(entry.description.split()),
            show_credits(entry.amount, signed=True, places=places),
            show_credits(entry.balance_after, places=places),
        )
        for entry in entries
    ]
    rows += [("", "closing balance", "", "", show_credits(summary.closing, places=places))]
    print_table(console, ("WHEN (UTC)", "WHAT", "DESCRIPTION", "CREDITS", "BALANCE"), rows, numbers={3, 4})
    if not entries:
        return
    console.print()
    totals = [
        (kind.replace("_", " "), str(total.entries), show_credits(total.amount, signed=True, places=places))
        for kind, total in sorted(summary.totals.items())
    ]
    print_table(console, ("TOTAL OF", "ENTRIES", "CREDITS"), totals, numbers={1, 2})
