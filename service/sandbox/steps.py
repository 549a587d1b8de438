"""Steps of a command, shown as they happen, each with its time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from service.sandbox.node import check_node, install, is_installed
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

_NAME_WIDTH = 18
_TIME_WIDTH = 8


@dataclass
class Step:
    """One step. `detail` is what came of it, in a few words."""

    name: str
    seconds: float = 0.0
    detail: str = ""


@dataclass
class Steps:
    """Shows each step on `console`, on a terminal with a spinner while it lasts; None shows nothing."""

    console: Console | None
    done: list[Step] = field(default_factory=list)

    @classmethod
    def shown(cls, *, json: bool) -> Steps:
        """On stdout; with `json`, which keeps stdout to itself, on stderr if that is a terminal."""
        console = make_console(stderr=json)
        return cls(None if json and not console.is_terminal else console)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time the block, and show it once it has ended well; the block may set the step's `detail`."""
        step = Step(name)
        started = time.monotonic()
        with self.waiting(name):
            yield step
        step.seconds = time.monotonic() - started
        self.add(step)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show a spinner for the length of the block."""
        if self.console is None:
            yield
            return
        with self.console.status(Text(f"{what} …", style="dim"), spinner_style="cyan"):
            yield

    def add(self, step: Step) -> None:
        """Show a step that has been timed elsewhere."""
        self.done.append(step)
        if self.console is not None:
            self.console.print(_line(step), soft_wrap=True)

    def to_json(self) -> list[dict[str, object]]:
        """[{name, ms}], in the order in which they ended."""
        return [{"name": step.name, "ms": round(step.seconds * 1000, 1)} for step in self.done]


def show_time(seconds: float) -> str:
    """For people: "12 ms", "1.4 s"."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{seconds:.1f} s"  # noqa: PLR2004 - a second


def _line(step: Step) -> Text:
    return Text.assemble(
        (" ✓ ", "green"),
        (f"{step.name:<{_NAME_WIDTH}}", "bold"),
        (f"{show_time(step.seconds):>{_TIME_WIDTH}}", "dim"),
        f"   {step.detail}" if step.detail else "",
    )


def install_parts(steps: Steps) -> None:
    """Install the local stack's packages as a step of its own, where this is the first use.

    Raises:
        SandboxError: Node.js or npm is missing or failed.
    """
    check_node()
    if not is_installed():
        with steps.step("Install with npm") as step:
            install()
            step.detail = "once; Postgres, PostgREST, auth and the Supabase CLI"
