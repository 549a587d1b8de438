"""Lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """The time that "45s", "90m", "24h" or "3d" stands for; `ValueError` for anything else."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip(), re.ASCII)
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < duration <= _LONGEST:
        raise ValueError(f"{text!r} is not a length of time: write 45s, 90m, 24h or 3d")
    return duration
