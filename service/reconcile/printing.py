"""A report for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from service.operate.money import show_credits
from service.operate.tables import print_table
from service.terminal import make_console

if TYPE_CHECKING:
    from rich.console import Console

    from service.reconcile.report import Change, Report

_MOST_SHOWN: Final = 50


def print_report(report: Report) -> None:
    """What was compared, what differed, what is mended, and what a person has to look at."""
    console = make_console()
    console.print(_compared(report), soft_wrap=True)
    if not report.differences:
        console.print(Text("Nothing differs.", style="green"))
        return
    console.print(_differed(report), soft_wrap=True)
    _print_purchases(console, report)
    _print_closed(console, report)
    _print_unmended(console, report)


def _compared(report: Report) -> str:
    counts = [
        f"{count:,} {name.replace('_', ' ')}{'s' * (count != 1)}" for name, count in report.read.items()
    ]
    return f"Compared with Stripe since {report.since:%Y-%m-%d %H:%M} UTC: {', '.join(counts)}."


def _differed(report: Report) -> Text:
    missing, differing = report.missing_events, report.differing_objects
    found = (
        f"{missing:,} event{'s' * (missing != 1)} had not arrived, and {differing:,} "
        f"object{'s' * (differing != 1)} told more than the database knew."
    )
    if report.dry_run:
        return Text(f"{found} Nothing was written: this was a dry run.", style="yellow")
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(report.outcomes.items()))
    return Text(f"{found} Sent: {outcomes or 'nothing'}.")


def _print_purchases(console: Console, report: Report) -> None:
    changed = [one for one in report.purchases if one.now != one.was]
    if not changed:
        return
    title = "Purchases that this is about" if report.dry_run else "Mended"
    console.print(Text(f"\n{title}: {len(changed):,}", style="bold"))
    rows = [_row(one) for one in changed[:_MOST_SHOWN]]
    print_table(console, ("PURCHASE", "PAYMENT", "WAS", "WOULD BE SENT" if report.dry_run else "NOW"), rows)
    if len(changed) > _MOST_SHOWN:
        console.print(f"… and {len(changed) - _MOST_SHOWN:,} more: --json lists all.")


def _row(change: Change) -> tuple[str, ...]:
    was = f"{change.was.status}, {show_credits(change.was.credits)}"
    if change.now is None:
        now = ", ".join(sent.type for sent in change.sent)
    else:
        now = f"{change.now.status}, {show_credits(change.now.credits)}"
    return str(change.transaction_id), change.payment_intent or "-", was, now


def _print_unmended(console: Console, report: Report) -> None:
    """One line for each thing, though several events may tell of it."""
    by_matter: dict[tuple[str, str], list[str]] = {}
    for one in report.unmended:
        by_matter.setdefault((one.reason, str(one.transaction_id or "-")), []).append(one.id)
    if not by_matter:
        return
    console.print(Text("\nFor a person to look at:", style="bold red"))
    rows = [
        (reason, purchase, ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more")
        for (reason, purchase), ids in by_matter.items()
    ]
    print_table(console, ("WHY", "PURCHASE", "STRIPE"), rows)


def _print_closed(console: Console, report: Report) -> None:
    if not report.closed:
        return
    title = "Open for too long, and would be closed" if report.dry_run else "Open for too long, and closed"
    console.print(Text(f"\n{title}: {len(report.closed):,}", style="bold"))
    rows = [
        (str(one.transaction_id), one.payment_intent or "-", one.how.replace("_", " "))
        for one in report.closed[:_MOST_SHOWN]
    ]
    print_table(console, ("PURCHASE", "PAYMENT", "HOW"), rows)
    if len(report.closed) > _MOST_SHOWN:
        console.print(f"… and {len(report.closed) - _MOST_SHOWN:,} more: --json lists all.")
