"""A log of JSON lines, while somebody writes to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_log(log: Path) -> list[dict[str, Any]]:
    """All lines that are there in full: the last one may be half written."""
    complete, _, _ = log.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in complete.splitlines()]
