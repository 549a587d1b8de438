"""The Stripe account: its key good and allowed what the service does, its webhook endpoint set up for us."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import stripe

from service.doctor.clock import check_clock
from service.doctor.findings import Finding, Level, error, ok, warning
from service.doctor.settings_checks import is_local
from service.event_types import HANDLED_EVENT_TYPES, WEBHOOK_PATH
from service.settings import STRIPE_API_BASE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from service.settings import Settings

_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_ENDPOINTS: Final = "webhook endpoint"
_REGISTER: Final = (
    f"Add a webhook endpoint at https://<this service>{WEBHOOK_PATH}, API version {stripe.api_version}, "
    f"with the events {', '.join(HANDLED_EVENT_TYPES)}; then put its secret into STRIPE_WEBHOOK_SECRET."
)


async def check_stripe(settings: Settings) -> list[Finding]:
    """Everything about Stripe; only that the key or the address is wrong if it is."""
    async with _connect(settings) as client:
        sent = time.time()
        try:
            intents = await client.v1.payment_intents.list_async({"limit": 1})
        except stripe.StripeError as failure:
            return [_explain(settings, failure)]
        answer = intents.last_response
        clock = check_clock("Stripe", answer.headers, sent, time.time()) if answer else None
        found = await asyncio.gather(
            _check_permission("customers", client.v1.customers.list_async({"limit": 1})),
            _check_endpoints(settings, client),
        )
    used = f"is accepted, in API version {stripe.api_version}"
    return [ok("STRIPE_SECRET_KEY", used), *(f for part in found for f in part), *([clock] if clock else [])]


@asynccontextmanager
async def _connect(settings: Settings) -> AsyncIterator[stripe.StripeClient]:
    stripe.enable_telemetry = False
    http = stripe.HTTPXClient(timeout=_TIMEOUT)
    try:
        yield stripe.StripeClient(
            settings.stripe_secret_key,
            base_addresses={"api": settings.stripe_api_base},
            http_client=http,
            max_network_retries=0,
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def _explain(settings: Settings, failure: stripe.StripeError) -> Finding:
    match failure:
        case stripe.AuthenticationError():
            fix = "Copy it from the Stripe Dashboard, Developers, API keys."
            return error("STRIPE_SECRET_KEY", "is not a key that Stripe knows", fix)
        case stripe.PermissionError():
            return _lacks("PaymentIntents")
        case stripe.APIConnectionError():
            fix = "Is STRIPE_API_BASE right?" if settings.stripe_api_base != STRIPE_API_BASE else "Try again."
            return error("Stripe", f"{settings.stripe_api_base} cannot be reached", fix)
        case _:
            message = f"refuses the request: {failure.user_message or failure}"
            return error("Stripe", message, f"Is API version {stripe.api_version} still served?")


def _lacks(what: str) -> Finding:
    fix = "Give the restricted key write access to Customers and PaymentIntents."
    return error("STRIPE_SECRET_KEY", f"may not use {what}", fix)


async def _check_permission(what: str, request: Awaitable[object]) -> list[Finding]:
    try:
        await request
    except stripe.PermissionError:
        return [_lacks(what)]
    except stripe.StripeError:
        return []  # not about the key
    return []


async def _check_endpoints(settings: Settings, client: stripe.StripeClient) -> list[Finding]:
    try:
        listed = await client.v1.webhook_endpoints.list_async({"limit": 100})
        ours = [
            found async for found in listed.auto_paging_iter() if urlsplit(found.url).path == WEBHOOK_PATH
        ]
    except stripe.PermissionError:
        fix = "Give the restricted key read access to webhook endpoints while you run this, or look yourself."
        return [warning(_ENDPOINTS, "the key may not read it", fix)]
    except stripe.StripeError as failure:
        return [error(_ENDPOINTS, f"cannot be read: {failure.user_message or failure}", "Try again.")]
    findings = [_check_endpoint(endpoint) for endpoint in ours]
    if not findings:
        return [_none_registered(settings)]
    if any(finding.level is Level.OK for finding in findings):
        # One that works is enough; another may be one that was replaced.
        findings = [f if f.level is Level.OK else warning(f.check, f.message, f.fix or "") for f in findings]
    return findings


def _none_registered(settings: Settings) -> Finding:
    mode = "live" if settings.livemode else "test"
    message = f"none in {mode} mode ends in {WEBHOOK_PATH}, so nobody gets credits"
    if is_local(settings) and not settings.livemode and settings.stripe_api_base == STRIPE_API_BASE:
        listen = f"stripe listen --forward-to {settings.host}:{settings.port}{WEBHOOK_PATH}"
        return warning(_ENDPOINTS, f"{message} unless they are forwarded", f"On a laptop, run: {listen}")
    return error(_ENDPOINTS, message, _REGISTER)


def _check_endpoint(endpoint: stripe.WebhookEndpoint) -> Finding:
    name = endpoint.url
    wanted, subscribed = set(HANDLED_EVENT_TYPES), set(endpoint.enabled_events)
    if endpoint.status != "enabled":
        return error(
            _ENDPOINTS, f"{name} is disabled", "Enable it in the Stripe Dashboard, Developers, Webhooks."
        )
    missing = [] if "*" in subscribed else [kind for kind in HANDLED_EVENT_TYPES if kind not in subscribed]
    if missing:
        return error(_ENDPOINTS, f"{name} lacks events", f"Add {', '.join(missing)}.")
    if endpoint.api_version not in {None, stripe.api_version}:
        fix = f"Replace it by one of version {stripe.api_version}; an endpoint's version cannot be changed."
        return error(_ENDPOINTS, f"{name} sends API version {endpoint.api_version}", fix)
    if endpoint.api_version is None:
        fix = f"Replace it by one of version {stripe.api_version}, which no upgrade of the account changes."
        return warning(_ENDPOINTS, f"{name} sends the account's default API version", fix)
    if subscribed - wanted:
        fix = f"Remove what the service ignores: {', '.join(sorted(subscribed - wanted))}."
        return warning(_ENDPOINTS, f"{name} sends more than is needed", fix)
    return ok(_ENDPOINTS, f"{name} is enabled, with all {len(wanted)} events in the right version")
