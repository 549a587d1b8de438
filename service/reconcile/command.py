"""`topup reconcile`: connections around one run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from service.operate.checks import keep_checks
from service.operate.session import open_books
from service.reconcile.progress import Progress
from service.reconcile.reconciliation import Reconciliation
from service.stripe_api import StripeApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.reconcile.report import Report


async def reconcile(
    env: Mapping[str, str], since: timedelta, stale_after: timedelta | None, *, dry_run: bool
) -> Report:
    """Compare the Stripe account and the database that `env` names, and mend what can be mended.

    Raises:
        InvalidSettingsError: The settings are not complete.
        TopupError: Stripe or Supabase refuses, or does not answer for minutes.
    """
    async with open_books(env) as (settings, books):
        stripe_api = StripeApi(settings.stripe_secret_key, settings.stripe_api_base)
        try:
            with Progress() as progress:
                run = Reconciliation(books, stripe_api, progress, livemode=settings.livemode, dry_run=dry_run)
                report = await run.run(datetime.now(UTC) - since, stale_after)
        finally:
            await stripe_api.close()
        if not dry_run:
            await keep_checks(books, reconcile=len(report.unmended), events_behind=report.late_events)
        return report
