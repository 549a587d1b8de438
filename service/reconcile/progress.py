"""How far a run is, on stderr: bars on a terminal, nothing where it is piped or scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from service.terminal import make_console

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress:
    """One bar for each thing that a run reads. A context manager."""

    def __init__(self) -> None:
        console = make_console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            TextColumn("{task.fields[items]:,}", style="dim"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, name: str, items: int, share: float | None) -> None:
        """`items` of `name` are read so far, and so this share of them all; None where nobody knows."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, items=0)
        total = None if share is None else 1.0
        self._bars.update(self._tasks[name], total=total, completed=share or 0.0, items=items)
