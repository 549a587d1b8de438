"""The command `topup`. Each command imports what it needs when it runs, so `topup serve` starts fast."""

from __future__ import annotations

import json as json_
import os
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from service.operate import accounting, commands
from service.options import Command, Group, JsonOption, fail, port_option
from service.settings import VARIABLES, InvalidSettingsError, Settings

_PANEL = "In production"

_ABOUT = """
Prepaid credits for apps built on Supabase, paid with Stripe: packages to buy, a PaymentIntent to pay with, \
and a balance that is right in whatever order Stripe's events come in.
"""


class _Group(Group):
    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types of typer's own inside
        super().format_help(ctx, formatter)
        from service.help import print_examples  # noqa: PLC0415

        print_examples(self.list_commands(ctx))


class _CommandWithSettings(Command):
    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types of typer's own inside
        super().format_help(ctx, formatter)
        from service.help import print_settings  # noqa: PLC0415

        print_settings(VARIABLES)


app = typer.Typer(
    cls=_Group,
    help=_ABOUT,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The image leaves the sandbox out.
if find_spec("service.sandbox") is not None:
    from service.sandbox.commands import add_commands

    add_commands(app)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 2 called wrongly."""
    app(prog_name="topup")


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


@app.command(cls=_CommandWithSettings, rich_help_panel=_PANEL)
def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Listen on it instead of HOST.")] = None,
    port: Annotated[int | None, port_option("Listen on it instead of PORT; 0 is any free one.")] = None,
    fd: Annotated[
        int | None, typer.Option(metavar="N", help="Serve the listening socket inherited as descriptor N.")
    ] = None,
) -> None:
    """Run the service.

    It logs JSON to stdout, first "listening" with its address. SIGTERM lets requests in flight finish.
    """
    from service.serve import (  # noqa: PLC0415 - as told above
        inherit_listener,
        open_listener,
        open_metrics_listener,
        run,
    )

    given = {"HOST": host, "PORT": None if port is None else str(port)}
    try:
        settings = Settings.from_env(
            os.environ | {name: text for name, text in given.items() if text is not None}
        )
        listener = open_listener(settings.host, settings.port) if fd is None else inherit_listener(fd)
        metrics_listener = open_metrics_listener(settings)
    except InvalidSettingsError as error:
        raise fail(str(error), status=2) from None
    except OSError as error:
        raise fail(error.strerror or str(error)) from None
    if not run(settings, listener, metrics_listener):
        raise typer.Exit(1)


@app.command(cls=_CommandWithSettings, rich_help_panel=_PANEL)
def doctor(*, json: JsonOption = False) -> None:
    """Check every setting against the Supabase and the Stripe it points to, and say what to fix.

    Nothing is changed anywhere. Exit status 1 if anything stops purchases or credits.
    """
    import asyncio  # noqa: PLC0415

    from service.doctor.examination import examine  # noqa: PLC0415
    from service.doctor.report import has_errors, print_findings, to_json  # noqa: PLC0415

    findings = asyncio.run(examine(os.environ))
    if json:
        typer.echo(json_.dumps(to_json(findings)))
    else:
        print_findings(findings)
    if has_errors(findings):
        raise typer.Exit(1)


commands.register(app, _CommandWithSettings)
accounting.register(app, _CommandWithSettings)
