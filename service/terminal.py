"""What the commands print: colours where a terminal shows them, plain lines everywhere else."""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.text import Text


def make_console(*, stderr: bool = False) -> Console:
    """A console that shows text as it is: nothing in it is taken for markup or an emoji."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def print_error(message: str) -> None:
    """Say on stderr what failed: a panel on a terminal, else `error:` and the message as it is."""
    console = make_console(stderr=True)
    if console.is_terminal:
        console.print(Panel(Text(message), title="Error", title_align="left", border_style="red"))
    else:
        console.print(f"error: {message}", soft_wrap=True)
