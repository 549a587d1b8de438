"""Processes that outlive what started them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MARK = "TEST_MARK"
"""An environment variable that a process and all its descendants carry."""

_SECONDS = 120


def find_marked(mark: str, folder: Path) -> list[str]:
    """Processes that carry the mark, or name the folder on their command line, as "pid command"."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            marked = f"{MARK}={mark}".encode() in (entry / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
        if marked or str(folder) in command:
            found.append(f"{entry.name} {command}")
    return found


def wait_until_none(find: Callable[[], Collection[object]]) -> None:
    """Ask for what is left until nothing is: what is told to end ends a little later."""
    deadline = time.monotonic() + _SECONDS
    while left := find():
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)
