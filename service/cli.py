"""The command `topup`. Each command imports what it needs when it runs, so `topup serve` starts fast."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from service.settings import VARIABLES, InvalidSettingsError, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAPTOP = "On a laptop, with nothing but Python and Node"
_PRODUCTION = "In production"

_ABOUT = """
Prepaid credits for apps built on Supabase, paid with Stripe: packages to buy, a PaymentIntent to pay with, \
and a balance that is right in whatever order Stripe's events come in.
"""

_JsonOption = Annotated[
    bool, typer.Option("--json", metavar="", help="One JSON object on stdout, nothing else.")
]


class _Group(TyperGroup):
    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types of typer's own inside
        super().format_help(ctx, formatter)
        from service.help import print_examples  # noqa: PLC0415

        print_examples(self.list_commands(ctx))


class _CommandWithSettings(TyperCommand):
    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types of typer's own inside
        super().format_help(ctx, formatter)
        from service.help import print_settings  # noqa: PLC0415

        print_settings(VARIABLES)


app = typer.Typer(
    cls=_Group,
    help=_ABOUT,
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 2 called wrongly."""
    app(prog_name="topup")


def _print_json(answer: dict[str, Any]) -> None:
    import json  # noqa: PLC0415

    typer.echo(json.dumps(answer))


def _fail(message: str, status: int = 1) -> typer.Exit:
    from service.terminal import print_error  # noqa: PLC0415

    print_error(message)
    return typer.Exit(status)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"topup {version('topup')}")
        raise typer.Exit


@app.callback()
def _topup(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command(cls=_CommandWithSettings, rich_help_panel=_PRODUCTION)
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on, instead of HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port, instead of PORT; 0 is any free one.")
    ] = None,
    fd: Annotated[
        int | None, typer.Option(min=0, help="A listening socket inherited from the parent, instead of both.")
    ] = None,
) -> None:
    """Run the service, as the image does.

    It logs JSON to stdout, first "listening" with the address. SIGTERM lets requests in flight finish.
    """
    from service.serve import inherit_listener, open_listener, run  # noqa: PLC0415

    given = {"HOST": host, "PORT": None if port is None else str(port)}
    try:
        settings = Settings.from_env(
            os.environ | {name: text for name, text in given.items() if text is not None}
        )
        listener = open_listener(settings.host, settings.port) if fd is None else inherit_listener(fd)
    except InvalidSettingsError as error:
        raise _fail(str(error), status=2) from None
    except OSError as error:
        raise _fail(error.strerror or str(error)) from None
    if not run(settings, listener):
        raise typer.Exit(1)


@app.command(cls=_CommandWithSettings, rich_help_panel=_PRODUCTION)
def doctor(*, json: _JsonOption = False) -> None:
    """Check every setting against the Supabase and the Stripe it points to, and say what to fix.

    Nothing is changed anywhere. Exit status 1 if anything stops purchases or credits.
    """
    import asyncio  # noqa: PLC0415

    from service.doctor.examination import examine  # noqa: PLC0415
    from service.doctor.report import has_errors, print_findings, to_json  # noqa: PLC0415

    findings = asyncio.run(examine(os.environ))
    if json:
        _print_json(to_json(findings))
    else:
        print_findings(findings)
    if has_errors(findings):
        raise typer.Exit(1)


def _port(help_: str) -> Any:  # noqa: ANN401 - typer's own
    return typer.Option(min=0, max=65535, metavar="PORT", help=help_)


def _register_sandbox() -> None:
    """Add the commands for a laptop, which the image leaves out together with `service.sandbox`."""

    @app.command(rich_help_panel=_LAPTOP)
    def demo(*, json: _JsonOption = False) -> None:
        """Buy credits once on a stack of its own, from sign-up to balance, and show every step.

        It starts Supabase, a Stripe simulator and the service, on free ports and in a temporary folder, and
        stops them again. Exit status 0 means that the balance, the history and the ledger agree.
        """
        from service.sandbox.demo import run_demo  # noqa: PLC0415

        with _told():
            run_demo(as_json=json)

    @app.command(rich_help_panel=_LAPTOP)
    def dev(  # noqa: PLR0913 - each is an option
        *,
        port: Annotated[int, _port("Supabase; 0 is any free port.")] = 54321,
        db_port: Annotated[int, _port("Postgres.")] = 54322,
        service_port: Annotated[int, _port("The service.")] = 8000,
        stripe_port: Annotated[int, _port("The Stripe simulator.")] = 12111,
        data: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                help="Where database, keys and logs are kept.",
                show_default=".topup in the project",
            ),
        ] = None,
        fresh: Annotated[
            bool, typer.Option("--fresh", metavar="", help="Start from an empty database.")
        ] = False,
        json: _JsonOption = False,
    ) -> None:
        """Start Supabase, a Stripe simulator and the service, and keep them up until Ctrl-C.

        Addresses and keys stay the same from run to run, and so does the data.

        With STRIPE_SECRET_KEY=sk_test_… in the environment it uses Stripe itself instead of the simulator,
        and says how to forward webhooks.
        """
        from service.sandbox.dev import DEFAULT_DATA, run_dev  # noqa: PLC0415
        from service.sandbox.stack import Ports  # noqa: PLC0415

        with _told():
            ports = Ports(supabase=port, database=db_port, service=service_port, stripe=stripe_port)
            run_dev(ports, data or DEFAULT_DATA, os.environ, fresh=fresh, as_json=json)


@contextmanager
def _told() -> Iterator[None]:
    """Turn an expected failure into one message and exit status 1."""
    from service.sandbox.errors import SandboxError  # noqa: PLC0415

    try:
        yield
    except SandboxError as error:
        raise _fail(str(error)) from None


if find_spec("service.sandbox") is not None:
    _register_sandbox()
