"""`topup report`: the trial balance of a period, and what is owed to users at its end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from service.operate.csv_files import to_csv
from service.operate.money import places_of
from service.operate.periods import Period, show_period
from service.operate.tables import print_table
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.bookkeeping import ReportRow

_LIABILITY: Final = "user_liability"
_CREDITS: Final = "credits"

_MEANING: Final = {
    _LIABILITY: "what users can still use",
    "cash_at_stripe": "payments, before Stripe's fees",
    "refunds": "payments given back",
    "disputes": "payments that banks took back",
    "revenue": "what users have used",
    "breakage": "what has expired",
    "promotion": "what was given away",
}


def find_faults(rows: Iterable[ReportRow]) -> list[str]:
    """What contradicts double-entry bookkeeping; nothing if all is right."""
    faults = []
    for unit, accounts in _by_unit(rows).items():
        faults += [
            f"{row.account} in {unit} does not lead from its opening to its closing balance"
            for row in accounts
            if row.opening + row.debit - row.credit != row.closing
        ]
        opening, debit, credit, closing = _sums(accounts)
        if opening:
            faults.append(f"the opening balances in {unit} sum to {opening:f}, not to zero")
        if debit != credit:
            faults.append(f"debits are {debit:f} in {unit}, credits {credit:f}")
        if closing:
            faults.append(f"the closing balances in {unit} sum to {closing:f}, not to zero")
    return faults


def _by_unit(rows: Iterable[ReportRow]) -> dict[str, list[ReportRow]]:
    units: dict[str, list[ReportRow]] = {}
    for row in rows:
        units.setdefault(row.unit, []).append(row)
    return units


def _figures(row: ReportRow) -> tuple[Decimal, ...]:
    return row.opening, row.debit, row.credit, row.closing


def _sums(rows: Iterable[ReportRow]) -> list[Decimal]:
    return [sum(column, Decimal()) for column in zip(*map(_figures, rows), strict=True)]


def deferred_revenue(accounts: Iterable[ReportRow]) -> Decimal:
    """What users have paid for in this currency, and not used by the end of the period."""
    owed = [-row.closing for row in accounts if row.account == _LIABILITY]
    return sum(owed, Decimal())


def to_json(rows: Sequence[ReportRow], period: Period) -> bytes:
    """{success, since, until, faults, units: {unit: {accounts, deferred_revenue}}}; decimals as numbers."""
    units: dict[str, dict[str, Any]] = {}
    for unit, accounts in _by_unit(rows).items():
        units[unit] = {"accounts": accounts}
        if unit != _CREDITS:
            units[unit]["deferred_revenue"] = deferred_revenue(accounts)
    faults = find_faults(rows)
    fields = {"success": not faults, **period._asdict(), "faults": faults, "units": units}
    return msgspec.json.Encoder(decimal_format="number").encode(fields)


def to_records(rows: Iterable[ReportRow]) -> str:
    """CSV: a record for each account in each unit."""
    records = [(row.unit, row.account, *(f"{figure:f}" for figure in _figures(row))) for row in rows]
    return to_csv(("unit", "account", "opening", "debit", "credit", "closing"), records)


def print_report(rows: Sequence[ReportRow], period: Period) -> None:
    """For a person: a table for each unit with its sums, then what is owed, then what is wrong."""
    console = make_console()
    console.print(Text("Trial balance", style="bold"))
    console.print(show_period(period, datetime.now(UTC)), soft_wrap=True)
    console.print("Debit is above zero, credit below.", soft_wrap=True)
    if not rows:
        console.print("\nNothing has ever moved by then.")
        return
    units = _by_unit(rows)
    for unit, accounts in units.items():
        console.print(Text(f"\nIn {unit}", style="bold"))
        # The database gives a currency's own places, and credits with all that they can have.
        figures = [_figures(row) for row in accounts]
        places = places_of(figure for row in figures for figure in row) if unit == _CREDITS else None
        lines = [
            (row.account.replace("_", " "), *_show(_figures(row), places), _MEANING.get(row.account, ""))
            for row in accounts
        ]
        lines.append(("sum", *_show(_sums(accounts), places), ""))
        print_table(
            console, ("ACCOUNT", "OPENING", "DEBIT", "CREDIT", "CLOSING", ""), lines, numbers={1, 2, 3, 4}
        )
    owed = [f"{deferred_revenue(accounts):,f} {unit}" for unit, accounts in units.items() if unit != _CREDITS]
    if owed:
        console.print(f"\nDeferred revenue at the end: {', '.join(owed)}", soft_wrap=True)
    if not find_faults(rows):
        console.print("Debits equal credits in every unit.", soft_wrap=True)


def _show(figures: Iterable[Decimal], places: int | None) -> list[str]:
    shown = [f"{figure:,f}" if places is None else f"{figure:,.{places}f}" for figure in figures]
    return [text.replace("-", "−") for text in shown]  # noqa: RUF001 - the typographic minus, on purpose
