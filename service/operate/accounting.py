"""The commands for whoever keeps the accounts, added to `topup`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.operate.running import parse_user, run
from service.options import JsonOption, fail

if TYPE_CHECKING:
    from typer.core import TyperCommand

    from service.bookkeeping import ReportRow
    from service.operate.periods import Period
    from service.operate.statement import Statement

_PANEL = "For the accounts"
_ACCOUNTS_AT_ONCE = 100


class _Format(StrEnum):
    """How it is written."""

    text = "text"
    csv = "csv"
    json = "json"


_FormatOption = Annotated[_Format, typer.Option("--format", help="For a person, a spreadsheet or a program.")]
_MonthOption = Annotated[str | None, typer.Option(metavar="YYYY-MM", help="One month, in UTC.")]


def register(app: typer.Typer, command: type[TyperCommand]) -> None:
    """Add them to `app`, as this kind of command."""
    for function in (statement, report, expire):
        app.command(cls=command, rich_help_panel=_PANEL)(function)


def statement(
    *,
    user: Annotated[str, typer.Option(metavar="UUID", help="Whose.")],
    month: _MonthOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From this day or time on: 2026-11-01.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="To before this day or time; now if left out.")
    ] = None,
    format_: _FormatOption = _Format.text,
) -> None:
    """Show what an account held, every movement of it, oldest first, and the totals of a period.

    Exit status 1 if the entries do not lead from the opening to the closing balance.
    """
    from service.operate.session import open_books  # noqa: PLC0415 - slow to import, as below
    from service.operate.statement import (  # noqa: PLC0415
        print_statement,
        read_statement,
        to_json,
        to_records,
    )

    user_id = parse_user(user)
    period = _period(month, since, until, ("--since", "--until"))

    async def ask() -> Statement:
        async with open_books(os.environ) as (_, books):
            return await read_statement(books, user_id, period)

    told = run(ask())
    match format_:
        case _Format.json:
            typer.echo(to_json(told).decode())
        case _Format.csv:
            typer.echo(to_records(told), nl=False)
        case _Format.text:
            print_statement(told)
    fault = told.find_fault()
    if fault is not None:
        raise fail(f"This does not add up: {fault}. `topup audit` says more.")


def report(
    *,
    month: _MonthOption = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From this day or time on: 2026-11-01.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="TIME", help="To before this day or time; now if left out.")
    ] = None,
    format_: _FormatOption = _Format.text,
) -> None:
    """Show the trial balance of a period, in credits and in each currency, and the deferred revenue.

    It reads the whole ledger, beside live traffic. Exit status 1 if debits do not equal credits.
    """
    from service.operate.session import LONG_READ_SECONDS, open_books  # noqa: PLC0415
    from service.operate.trial_balance import (  # noqa: PLC0415
        find_faults,
        print_report,
        to_json,
        to_records,
    )

    period = _period(month, from_, to, ("--from", "--to"))

    async def ask() -> list[ReportRow]:
        async with open_books(os.environ, read_seconds=LONG_READ_SECONDS) as (_, books):
            return await books.report(period.since, period.until)

    rows = run(ask())
    match format_:
        case _Format.json:
            typer.echo(to_json(rows, period).decode())
        case _Format.csv:
            typer.echo(to_records(rows), nl=False)
        case _Format.text:
            print_report(rows, period)
    faults = find_faults(rows)
    if faults:
        raise fail(f"The books do not balance: {'; '.join(faults)}. `topup audit` says more.")


def expire(*, json: JsonOption = False) -> None:
    """Post the expiry of what has lapsed, and end the holds whose time has come. For a schedule.

    Balances are right without it; the ledger and the reports then say so as well. It is safe beside live
    traffic, twice at once and again after it was killed; it passes over accounts that are in use.
    """
    import json as json_  # noqa: PLC0415

    from service.operate.session import open_books  # noqa: PLC0415

    async def work() -> int:
        gone_through = 0
        async with open_books(os.environ) as (_, books):
            # Each call holds its accounts until it ends, so it takes a few at a time.
            while (done := await books.expire(_ACCOUNTS_AT_ONCE)) == _ACCOUNTS_AT_ONCE:
                gone_through += done
        return gone_through + done

    accounts = run(work())
    if json:
        typer.echo(json_.dumps({"success": True, "accounts": accounts}))
    elif accounts:
        typer.echo(f"Brought up to date: {accounts} account{'' if accounts == 1 else 's'}.")
    else:
        typer.echo("Nothing had expired.")


def _period(month: str | None, since: str | None, until: str | None, names: tuple[str, str]) -> Period:
    from service.operate.periods import Period, parse_moment, parse_month  # noqa: PLC0415

    first, last = names
    if (month is None) == (since is None) or (month is not None and until is not None):
        raise typer.BadParameter(f"say --month, or {first} and {last}", param_hint=f"--month, {first}")
    option = "--month"
    try:
        if month is not None:
            return parse_month(month)
        option = first
        start = parse_moment(since or "")
        option = last
        end = datetime.now(UTC) if until is None else parse_moment(until)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    if start >= end:
        raise typer.BadParameter(f"{first} must be earlier than {last}", param_hint=first)
    return Period(start, end)
