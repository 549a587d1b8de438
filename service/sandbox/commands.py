"""`topup demo`, `topup dev` and `topup bench`, the commands for a laptop."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from service.options import Command, JsonOption, fail, port_option
from service.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PANEL = "On a laptop, with nothing but Python and Node"


def add_commands(app: typer.Typer) -> None:
    """Register them."""
    app.command(cls=Command, rich_help_panel=_PANEL)(demo)
    app.command(cls=Command, rich_help_panel=_PANEL)(dev)
    app.command(cls=Command, rich_help_panel=_PANEL)(bench)


def demo(*, json: JsonOption = False) -> None:
    """Buy credits once on a stack of its own, from sign-up to balance, and show every step.

    It starts Supabase, a Stripe simulator and the service, on free ports and in a temporary folder, and stops
    them again. Exit status 0 means that the balance, the history and the ledger agree.
    """
    from service.sandbox.demo import run_demo  # noqa: PLC0415 - slow to import, as below

    with _told():
        run_demo(as_json=json)


def dev(  # noqa: PLR0913 - each is an option
    *,
    port: Annotated[int, port_option("Supabase's; 0 is any free one, as below.")] = 54321,
    db_port: Annotated[int, port_option("Postgres's.")] = 54322,
    service_port: Annotated[int, port_option("The service's.")] = 8000,
    stripe_port: Annotated[int, port_option("The Stripe simulator's.")] = 12111,
    page_port: Annotated[int, port_option("The page's.")] = 8001,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where database, keys and logs are kept.",
            show_default=".topup in the project",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", metavar="", help="Start from an empty database.")] = False,
    json: JsonOption = False,
) -> None:
    """Start Supabase, a Stripe simulator, the service and a page to buy on, and keep them up until Ctrl-C.

    Data and the keys of Supabase stay from run to run.

    With STRIPE_SECRET_KEY=sk_test_… in the environment it uses Stripe itself instead of the simulator, and
    says how to forward webhooks. The page then needs STRIPE_PUBLISHABLE_KEY=pk_test_… as well.
    """
    from service.sandbox.dev import DEFAULT_DATA, run_dev  # noqa: PLC0415
    from service.sandbox.stack import Ports  # noqa: PLC0415

    with _told():
        ports = Ports(supabase=port, database=db_port, service=service_port, stripe=stripe_port)
        run_dev(ports, page_port, data or DEFAULT_DATA, os.environ, fresh=fresh, as_json=json)


def bench(  # noqa: PLR0913 - each is an option
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SECTION", help="Measure this alone; may be given again.", show_default="all"),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.5, max=120, metavar="N", help="How long each load lasts.")
    ] = 6.0,
    entries: Annotated[
        int, typer.Option(min=10_000, max=10_000_000, metavar="N", help="How far the ledger grows.")
    ] = 10_000_000,
    long: Annotated[
        bool, typer.Option("--long", metavar="", help="Look at memory after 100,000 webhooks, too.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the webhooks' plot, as SVG.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure speed, memory and growth, beside a peer and beside the limit, on a stack of its own.

    After every run the audit proves that every event was credited once; a run that fails prints no figure.
    Needs a clone of the repository. Everything takes a quarter of an hour, most of it to fill the database.
    """
    from service.sandbox.node import PROJECT  # noqa: PLC0415

    if not (PROJECT / "tests" / "bench" / "command.py").is_file():
        raise fail("The benchmark is not here: run it from a clone of the repository.")
    sys.path.insert(0, str(PROJECT))
    from tests.bench.command import run_bench  # noqa: PLC0415
    from tests.bench.sections import SECTIONS, Plan  # noqa: PLC0415

    chosen = only or list(SECTIONS)
    if unknown := [name for name in chosen if name not in SECTIONS]:
        raise fail(f"There is no section {unknown[0]}: choose of {', '.join(SECTIONS)}.", status=2)
    with _told():
        run_bench(Plan(chosen, seconds, entries, long), plot=plot, as_json=json)


@contextmanager
def _told() -> Iterator[None]:
    """Turn an expected failure into one message and exit status 1."""
    try:
        yield
    except SandboxError as error:
        raise fail(str(error)) from None
