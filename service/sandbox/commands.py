"""`topup demo` and `topup dev`, the commands for a laptop."""

from __future__ import annotations

import os
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
    """Register both."""
    app.command(cls=Command, rich_help_panel=_PANEL)(demo)
    app.command(cls=Command, rich_help_panel=_PANEL)(dev)


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


@contextmanager
def _told() -> Iterator[None]:
    """Turn an expected failure into one message and exit status 1."""
    try:
        yield
    except SandboxError as error:
        raise fail(str(error)) from None
