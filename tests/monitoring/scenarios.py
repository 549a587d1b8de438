"""Two hours in the life of an installation, as Prometheus has scraped them, and the alerts that fire then.

Values are in promtool's notation, a sample a minute: `0+5x120` begins at 0 and rises by 5, 120 times. Time
begins at 0.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MINUTES: Final = 120
LAST: Final = f"{MINUTES}m"

Series = dict[str, str]


def steady(value: int) -> str:
    """The same value throughout."""
    return f"{value}x{MINUTES}"


def rising(each_minute: int) -> str:
    """A counter that rises by this much every minute."""
    return f"0+{each_minute}x{MINUTES}"


def stalled_after(minutes: int, each_minute: int) -> str:
    """A counter that rises, and then no more."""
    total = each_minute * minutes
    return f"0+{each_minute}x{minutes} {total}x{MINUTES - minutes}"


def webhooks(outcome: str, reason: str = "", job: str = "topup") -> str:
    """The name of the counter of an outcome."""
    return f'topup_webhook_events_total{{outcome="{outcome}",reason="{reason}",job="{job}"}}'


def requests(route: str, status: int) -> str:
    """The name of the count of a route's answers with a status."""
    return f'topup_request_seconds_count{{route="/api/stripe/{route}",status="{status}",job="topup"}}'


def bucket(le: str) -> str:
    """The name of a bucket of the time from receipt to credit."""
    return f'topup_receipt_to_credit_seconds_bucket{{le="{le}",job="topup"}}'


def ready(job: str = "topup", instance: str = "one") -> str:
    """The name of the readiness of a copy."""
    return f'topup_ready{{job="{job}",instance="{instance}"}}'


def found(check: str) -> str:
    """The name of what a check found."""
    return f'topup_check_findings{{check="{check}",job="topup"}}'


def ended(check: str) -> str:
    """The name of when a check ran."""
    return f'topup_check_timestamp_seconds{{check="{check}",job="topup"}}'


CHECKS: Final = ("audit", "reconcile", "events_behind")

HEALTHY: Final[Series] = {
    ready(): steady(1),
    webhooks("applied"): rising(10),
    webhooks("ignored", "type"): rising(2),
    webhooks("failed"): steady(0),
    webhooks("refused"): steady(0),
    webhooks("mismatch", "amount"): steady(0),
    requests("balance", 200): rising(30),
    requests("create-payment-intent", 200): rising(5),
    requests("webhook", 200): rising(12),
    bucket("0.05"): rising(9),
    bucket("1.0"): rising(12),
    bucket("5.0"): rising(12),
    bucket("+Inf"): rising(12),
    **{found(check): steady(0) for check in CHECKS},
    **{ended(check): steady(3600) for check in CHECKS},
}
"""Customers buy, webhooks come, and the checks ran an hour after the start."""

GONE: Final = dict.fromkeys(HEALTHY, f"0x60 stale _x{MINUTES - 61}")


class Scenario(NamedTuple):
    """What differs from HEALTHY (`None`: there is no such series), and the alerts that fire."""

    name: str
    changes: dict[str, str | None]
    firing: set[str]


SCENARIOS: Final = [
    Scenario("all is well", {}, set()),
    Scenario("nothing was ever there", dict.fromkeys(HEALTHY), {"TopupDown"}),
    Scenario("every copy is gone", {**GONE}, {"TopupDown"}),
    Scenario(
        "the database is away",
        {ready(): steady(0), **{name(check): None for check in CHECKS for name in (found, ended)}},
        {"TopupNotReady"},
    ),
    Scenario("one copy of two is not ready", {ready(instance="two"): steady(0)}, set()),
    Scenario(
        "another installation is ready in its place",
        {ready(): steady(0), ready(job="staging"): steady(1)},
        {"TopupNotReady", "TopupAuditOverdue", "TopupReconcileOverdue"},
    ),
    Scenario("one answer in six is a 503", {requests("balance", 503): rising(6)}, {"TopupRequestsFailing"}),
    Scenario("users send nonsense", {requests("create-payment-intent", 400): rising(50)}, set()),
    Scenario("webhooks are answered 503", {webhooks("failed"): rising(1)}, {"TopupWebhooksFailing"}),
    Scenario(
        "the failures of a short outage are over", {webhooks("failed"): f"0x100 50x{MINUTES - 100}"}, set()
    ),
    Scenario(
        "the webhook secret is wrong",
        {
            webhooks("applied"): stalled_after(90, 10),
            webhooks("ignored", "type"): stalled_after(90, 2),
            webhooks("refused"): f"0x90 0+3x{MINUTES - 90}",
        },
        {"TopupWebhooksRefused"},
    ),
    Scenario("somebody forges webhooks", {webhooks("refused"): rising(20)}, set()),
    Scenario(
        "Stripe sends nothing",
        {webhooks("applied"): stalled_after(60, 10), webhooks("ignored", "type"): stalled_after(60, 2)},
        {"TopupWebhooksSilent"},
    ),
    Scenario(
        "nobody buys at night",
        {
            webhooks("applied"): stalled_after(60, 10),
            webhooks("ignored", "type"): stalled_after(60, 2),
            requests("create-payment-intent", 200): stalled_after(60, 5),
        },
        set(),
    ),
    Scenario(
        "one credit in ten takes seconds",
        {bucket("1.0"): rising(10), bucket("0.05"): rising(8)},
        {"TopupCreditSlow"},
    ),
    Scenario(
        "the first mismatch", {webhooks("mismatch", "amount"): f"0x100 1x{MINUTES - 100}"}, {"TopupMismatch"}
    ),
    Scenario("the audit finds something", {found("audit"): steady(1)}, {"TopupAuditNotClean"}),
    Scenario("a payment cannot be mended", {found("reconcile"): steady(1)}, {"TopupNotReconciled"}),
    Scenario("webhooks were missed", {found("events_behind"): steady(4)}, {"TopupEventsBehind"}),
    Scenario("the audit ceased to run", {ended("audit"): steady(-100_000)}, {"TopupAuditOverdue"}),
    Scenario("the audit never ran", {ended("audit"): None, found("audit"): None}, {"TopupAuditOverdue"}),
    Scenario(
        "the reconciliation ceased to run", {ended("reconcile"): steady(-10_000)}, {"TopupReconcileOverdue"}
    ),
    Scenario(
        "the reconciliation never ran",
        {ended("reconcile"): None, found("reconcile"): None},
        {"TopupReconcileOverdue"},
    ),
]
