"""Tables: for the eye on a terminal, plain aligned columns everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console

STYLES = {"applied": "green", "ignored": "dim", "mismatch": "bold red", "failed": "bold red"}
"""Colours of outcomes; of other words none."""


def print_table(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[int] = (),
) -> None:
    """Print rows of text. Piped, no line is cut or wrapped, so that it can be searched.

    `numbers` are the columns, from 0 on, that are set to the right.
    """
    if not console.is_terminal:
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        for row in (headings, *rows):
            cells = enumerate(zip(row, widths, strict=True))
            line = "  ".join(f"{cell:{'>' if at in numbers else '<'}{width}}" for at, (cell, width) in cells)
            console.print(line.rstrip(), soft_wrap=True)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for at, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", justify="right" if at in numbers else "left")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell.partition(":")[0], "")) for cell in row))
    console.print(table)
