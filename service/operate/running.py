"""How a command of an operator runs, and how it takes a user's id."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from service.options import fail

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run it; what can go wrong is told in words, and ends the command with its exit status."""
    from service.errors import TopupError  # noqa: PLC0415 - slow to import, so not before a command runs
    from service.operate.session import describe  # noqa: PLC0415
    from service.settings import InvalidSettingsError  # noqa: PLC0415

    try:
        return asyncio.run(coroutine)
    except InvalidSettingsError as invalid:
        raise fail(str(invalid), status=2) from None
    except TopupError as error:
        raise fail(describe(error)) from None


def parse_user(text: str) -> uuid.UUID:
    """The id that `--user` names."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a user's id, a UUID", param_hint="--user") from None
