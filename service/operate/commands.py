"""The commands for whoever looks after a running Topup, added to `topup`."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.operate.running import parse_user, run
from service.options import JsonOption  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.core import TyperCommand

    from service.bookkeeping import AuditFinding

_PANEL = "When something is in doubt"


class _Outcome(StrEnum):
    """What becomes of an event."""

    applied = "applied"
    ignored = "ignored"
    mismatch = "mismatch"
    failed = "failed"


def register(app: typer.Typer, command: type[TyperCommand]) -> None:
    """Add them to `app`, as this kind of command."""
    for function in (reconcile, events, explain, audit):
        app.command(cls=command, rich_help_panel=_PANEL)(function)


def reconcile(
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="How far to look back: 45s, 90m, 24h, 3d.")
    ] = "3d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Write nothing; say what differs.")
    ] = False,
    close_stale: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Also cancel purchases that are unpaid for this long, at Stripe and here. Make it "
            "longer than your slowest payment method takes.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare the database with Stripe, and mend what webhooks did not bring.

    Events that are missing, and PaymentIntents, refunds and disputes that differ, go through the same
    function as webhooks. It can run at any time, beside live traffic, twice at once, and again after it was
    killed. What it found is kept for the metrics, but not by a dry run.

    Exit status 1 if something does not fit and a person has to look at it.
    """
    from service.reconcile.command import reconcile as compare  # noqa: PLC0415 - Stripe's SDK is slow to import
    from service.reconcile.printing import print_report  # noqa: PLC0415

    stale_after = None if close_stale is None else _duration(close_stale, "--close-stale")
    report = run(compare(os.environ, _duration(since, "--since"), stale_after, dry_run=dry_run))
    if json:
        typer.echo(report.to_json().decode())
    else:
        print_report(report)
    if not report.success:
        raise typer.Exit(1)


def events(  # noqa: PLR0913 - each is an option
    *,
    outcome: Annotated[_Outcome | None, typer.Option(help="Only those that came to this.")] = None,
    user: Annotated[str | None, typer.Option(metavar="UUID", help="Only those of this user.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help='Only this type; "refund.*" is a family.')
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those received within: 45s, 90m, 24h, 3d.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", metavar="", help="Go on with those that come in, until Ctrl-C.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", metavar="", help="One JSON object a line for each, with the payload.")
    ] = False,
) -> None:
    """List the events that Stripe sent, the newest last, and what became of each."""
    filters = {"outcome": outcome.value} if outcome else {}
    if user is not None:
        filters["user_id"] = str(parse_user(user))
    if type_ is not None:
        if not re.fullmatch(r"[a-z_.]+\*?", type_):
            raise typer.BadParameter('must be like refund.failed or "refund.*"', param_hint="--type")
        filters["type"] = type_
    start = None if since is None else datetime.now(UTC) - _duration(since, "--since")
    try:
        run(_show_events(filters, start, limit, follow=follow, json=json))
    except KeyboardInterrupt:
        # The way to end --follow.
        raise typer.Exit from None


def explain(
    subject: Annotated[
        str, typer.Argument(help="A user's id, a purchase's id, or a PaymentIntent (pi_…).", metavar="ID")
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Tell the story of a customer or a purchase: every event, fact and movement, in order."""
    import msgspec  # noqa: PLC0415

    from service.operate.explain import print_explanation  # noqa: PLC0415
    from service.operate.explanation import Explanation  # noqa: PLC0415
    from service.operate.session import open_books  # noqa: PLC0415

    async def ask() -> bytes:
        async with open_books(os.environ) as (_, books):
            return bytes(await books.explain(subject.strip()))

    answer = run(ask())
    if json:
        typer.echo(answer.decode())
    else:
        told = msgspec.json.decode(answer, type=Explanation)
        print_explanation(told, of_user=subject.strip().lower() == str(told.account.user_id))


def audit(*, json: JsonOption = False) -> None:
    """Prove that balances, ledger, purchases and events add up, over the whole database.

    What it found is kept for the metrics. Exit status 1, and what does not, if something does not.
    """
    from service.operate.audit import print_findings, to_json  # noqa: PLC0415
    from service.operate.checks import keep_checks  # noqa: PLC0415
    from service.operate.session import LONG_READ_SECONDS, open_books  # noqa: PLC0415

    async def ask() -> list[AuditFinding]:
        async with open_books(os.environ, read_seconds=LONG_READ_SECONDS) as (_, books):
            found = await books.audit()
            await keep_checks(books, audit=len(found))
            return found

    findings = run(ask())
    if json:
        typer.echo(to_json(findings).decode())
    else:
        print_findings(findings)
    if findings:
        raise typer.Exit(1)


async def _show_events(
    filters: Mapping[str, str], since: datetime | None, limit: int, *, follow: bool, json: bool
) -> None:
    from service.operate.events import follow_events, print_events, print_json, print_lines  # noqa: PLC0415
    from service.operate.session import open_books  # noqa: PLC0415

    async with open_books(os.environ) as (_, books):
        rows = await books.list_events(filters, received_since=since, newest=limit)
        if json:
            show = print_json
        elif follow:
            show = print_lines
        else:
            show = print_events
        show(rows)
        if follow:
            async for new in follow_events(books, filters, rows):
                show(new)


def _duration(text: str, option: str) -> timedelta:
    from service.operate.durations import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
