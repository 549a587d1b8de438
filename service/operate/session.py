"""What every command of an operator needs: settings, connections, and errors in words."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
import structlog

from service.bookkeeping import Bookkeeping
from service.errors import FailedError, TopupError, UnavailableError
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_READ_SECONDS: Final = 60.0

LONG_READ_SECONDS: Final = 600.0
"""What `audit_credits` and `credit_report`, which read everything, let themselves take."""

_TIMED_OUT: Final = "_57014"
"""How the code of an error ends that Postgres gives when a statement takes longer than it may."""

_DOCTOR: Final = "`topup doctor` finds out why."


@asynccontextmanager
async def open_books(
    env: Mapping[str, str], *, read_seconds: float = _READ_SECONDS
) -> AsyncIterator[tuple[Settings, Bookkeeping]]:
    """The settings in `env` and the database that they name, which has so long to answer.

    Raises:
        InvalidSettingsError: They are not complete.
    """
    settings = Settings.from_env(env)
    # What goes wrong is told once, in words, by `describe`.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    async with httpx.AsyncClient(timeout=httpx.Timeout(read_seconds, connect=5.0)) as http:
        yield settings, Bookkeeping(settings, http)


def describe(error: TopupError) -> str:
    """What went wrong, and where to look."""
    at_stripe = error.code.startswith("stripe_")
    party = "Stripe" if at_stripe else "Supabase"
    if error.code.endswith(_TIMED_OUT):
        return "The database gave up: this takes longer than its API lets a statement take. Run it with psql."
    if error.code == "entries_are_missing":
        return "The ledger has fewer entries than its own sums say. `topup audit` finds what is wrong."
    if isinstance(error, UnavailableError):
        return f"{party} does not answer ({error.code}). Try again; what was done stays done."
    if error.code == "stripe_PermissionError":
        return (
            "The Stripe key may not read what this compares: give it read access to Events, PaymentIntents, "
            "Charges, Refunds and Disputes, and write access to PaymentIntents for --close-stale."
        )
    if isinstance(error, FailedError):
        return f"{party} refuses the request ({error.code}). {_DOCTOR}"
    return f"{error.message}."
