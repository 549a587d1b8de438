"""All checks, side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httpx

from service.doctor.findings import Finding, error
from service.doctor.settings_checks import check_settings, report_problems
from service.settings import InvalidSettingsError, Settings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_PATIENCE: Final = 40.0
"""Seconds for all requests to one party together."""


async def examine(env: Mapping[str, str]) -> list[Finding]:
    """Check the settings in `env`; where these cannot be read, their problems alone.

    It only reads: nothing is created at Stripe or in the database.
    """
    try:
        settings = Settings.from_env(env)
    except InvalidSettingsError as invalid:
        return report_problems(invalid.problems)

    from service.doctor.stripe_checks import check_stripe  # noqa: PLC0415 - slow to import, for good settings only
    from service.doctor.supabase_checks import check_supabase  # noqa: PLC0415

    async with httpx.AsyncClient(timeout=_TIMEOUT) as http:
        supabase, at_stripe = await asyncio.gather(
            _bounded("Supabase", check_supabase(settings, http)), _bounded("Stripe", check_stripe(settings))
        )
    return [*check_settings(settings), *supabase, *at_stripe]


async def _bounded(name: str, checks: Coroutine[None, None, list[Finding]]) -> list[Finding]:
    try:
        return await asyncio.wait_for(checks, _PATIENCE)
    except TimeoutError:
        return [
            error(name, f"did not answer within {_PATIENCE:.0f} s", "Try again, and look at its status page.")
        ]
