"""What the commands have in common: their help, `--json`, and how they fail."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from service.setting_values import port

JsonOption = Annotated[
    bool, typer.Option("--json", metavar="", help="One JSON object on stdout, and nothing else there.")
]


def port_option(text: str) -> Any:  # noqa: ANN401 - as typer's own
    """An option that takes a port number, 0 to 65535."""
    return typer.Option(parser=_parse_port, metavar="PORT", help=text)


def _parse_port(raw: str) -> int:
    try:
        return port(str(raw))
    except ValueError as error:
        raise typer.BadParameter(f"'{raw}' {error}.") from error


class Command(TyperCommand):
    """A command whose `--help` is not said to take a value."""

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401 - types of typer's own inside
        """The option, without the type that typer shows for a flag."""
        return _without_type(super().get_help_option(ctx))


class Group(TyperGroup):
    """The same for the command that has the others."""

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401 - types of typer's own inside
        """The option, without the type that typer shows for a flag."""
        return _without_type(super().get_help_option(ctx))


def _without_type(option: Any) -> Any:  # noqa: ANN401 - types of typer's own inside
    if option is not None:
        option.metavar = ""
    return option


def fail(message: str, status: int = 1) -> typer.Exit:
    """Show what failed on stderr; the exception to raise then."""
    from service.terminal import print_error  # noqa: PLC0415 - rich, for those who need it

    print_error(message)
    return typer.Exit(status)
