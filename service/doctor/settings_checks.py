"""What the settings alone show."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.doctor.findings import error, ok, warning
from service.settings import STRIPE_API_BASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.doctor.findings import Finding
    from service.settings import Settings


def report_problems(problems: Mapping[str, str]) -> list[Finding]:
    """A finding for each problem of an `InvalidSettingsError`."""
    findings = []
    for name, problem in problems.items():
        what, _, fix = problem.partition(": ")
        findings.append(error(name, what, f"{fix[:1].upper()}{fix[1:]}."))
    return findings


def check_settings(settings: Settings) -> Iterator[Finding]:
    """The mode of the keys and the origins of browsers."""
    yield _check_mode(settings)
    yield _check_origins(settings)


def is_local(settings: Settings) -> bool:
    """Whether the Supabase project runs on this machine or its network."""
    return urlsplit(settings.supabase_url).scheme == "http"


def _check_mode(settings: Settings) -> Finding:
    if settings.livemode and is_local(settings):
        return warning(
            "mode",
            "the Stripe key is live while Supabase is local: real money for credits on a laptop",
            "Use a test key (sk_test_…) here.",
        )
    if settings.stripe_api_base != STRIPE_API_BASE:
        return ok("mode", f"no money moves: Stripe is {settings.stripe_api_base}")
    return ok("mode", "live: purchases move real money" if settings.livemode else "test: no money moves")


def _check_origins(settings: Settings) -> Finding:
    if not settings.cors_origins:
        return ok("TOPUP_CORS_ORIGINS", "none: only pages of the service's own origin may call it")
    plain = [origin for origin in settings.cors_origins if origin.startswith("http:")]
    if plain and not is_local(settings):
        return warning(
            "TOPUP_CORS_ORIGINS",
            f"{', '.join(plain)} may send users' tokens in clear text",
            "Leave only https origins in production.",
        )
    return ok("TOPUP_CORS_ORIGINS", f"browsers may call from {', '.join(settings.cors_origins)}")
