"""What `--help` shows below typer's own panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.settings import Variable

_EXAMPLES: Final = {
    "demo": ("topup demo", "watch one purchase"),
    "dev": ("topup dev --fresh", "build an app, from an empty database"),
    "bench": ("topup bench --only webhook", "see how many webhooks this machine credits"),
    "serve": ("topup serve --port 8080", "run the service"),
    "doctor": ("uv run --env-file .env topup doctor", "find out why it does not work"),
    "reconcile": ("topup reconcile --since 3d", "mend what webhooks did not bring"),
    "events": ("topup events --outcome mismatch", "see what Stripe sent and did not fit"),
    "explain": ("topup explain pi_…", "tell a customer what happened to a payment"),
    "audit": ("topup audit", "prove that every balance is right"),
    "statement": (
        "topup statement --user … --month 2026-11",
        "answer a customer who asks where credits went",
    ),
    "report": ("topup report --month 2026-11", "close the month's books"),
    "expire": ("topup expire", "post what has lapsed, every hour"),
}


def print_examples(commands: Iterable[str]) -> None:
    """One example of each command, and where the settings are explained."""
    examples = Table.grid(padding=(0, 3))
    for command in commands:
        line, purpose = _EXAMPLES[command]
        examples.add_row(Text(line, style="cyan"), Text(purpose, style="dim"))
    settings = Text.assemble(
        "Settings are environment variables: ", ("topup serve --help", "cyan"), " lists them, the README "
        "explains them, ", ("topup doctor", "cyan"), " checks them.",
    )  # fmt: skip
    _print_section("Examples", examples)
    _print_section("Settings", settings)


def print_settings(variables: Iterable[Variable]) -> None:
    """Every environment variable with what it should look like."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="cyan")
    for variable in variables:
        look = Text(variable.looks_like)
        if variable.default:
            look.append(f"; default {variable.default}", style="dim")
        elif variable.optional or variable.default is not None:
            look.append("; optional", style="dim")
        table.add_row(variable.name, look)
    _print_section("Settings, from the environment", table)


def _print_section(title: str, content: Table | Text) -> None:
    console = make_console()
    console.print(Padding(Text(title, style="bold"), (0, 1)))
    console.print(Padding(content, (0, 1, 1, 3)))
