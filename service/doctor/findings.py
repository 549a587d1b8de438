"""What a check reports."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Level(Enum):
    """How bad it is. Only an error stops purchases or credits."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at. `fix` says what to do where it is not well."""

    check: str
    level: Level
    message: str
    fix: str | None = None


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, message)


def warning(check: str, message: str, fix: str) -> Finding:
    """It works, and probably not as wanted."""
    return Finding(check, Level.WARNING, message, fix)


def error(check: str, message: str, fix: str) -> Finding:
    """Purchases or credits fail because of it."""
    return Finding(check, Level.ERROR, message, fix)
