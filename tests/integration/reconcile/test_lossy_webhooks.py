"""Webhooks at their worst, and one reconciliation that makes all right."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import stripe

from service.event_types import HANDLED_EVENT_TYPES, WEBHOOK_PATH
from tests.integration.reconcile.cashier import reconcile_now
from tests.integration.reconcile.crowd import Bought, Crowd
from tests.integration.service.copies import another_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.sandbox.simulator import LocalStripe
    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import StripeAccount

pytestmark = pytest.mark.slow

PURCHASES = 500
IDLE_PATIENCE = 300.0


@pytest.fixture(scope="module")
def service_url(stack: Stack, simulator: LocalStripe, account: StripeAccount) -> Iterator[str]:
    """A service for this file's account, which sends it webhooks."""
    endpoint = account.post(
        "webhook_endpoints",
        **{
            "url": "http://127.0.0.1:9/",
            "api_version": stripe.api_version,
            "enabled_events[]": list(HANDLED_EVENT_TYPES),
        },
    )
    changes = {
        "STRIPE_API_BASE": simulator.url,
        "STRIPE_SECRET_KEY": simulator.secret_key,
        "STRIPE_WEBHOOK_SECRET": endpoint["secret"],
        "TOPUP_LOG_LEVEL": "warning",
    }
    with another_service(stack, **changes) as copy:
        account.post(f"webhook_endpoints/{endpoint['id']}", url=f"{copy.url}{WEBHOOK_PATH}")
        yield copy.url


@pytest.fixture
def crowd(stack: Stack, service_url: str, simulator: LocalStripe, books: Books) -> Crowd:
    return Crowd(stack, service_url, simulator, books)


def differing(books: Books, bought: Sequence[Bought]) -> dict[str, tuple[object, object]]:
    """Where purchases and balances are not what they must be: {id: (is, must be)}."""
    due: dict[str, object] = {purchase.intent: purchase.status for purchase in bought}
    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    for purchase in bought:
        balances[str(purchase.user.id)] += purchase.credits
    rows = books.rows(
        "select stripe_payment_intent_id as id, status as found from credits.transactions "
        "where stripe_payment_intent_id = any(%s)",
        list(due),
    )
    rows += books.rows(
        "select user_id::text as id, balance as found from credits.accounts where user_id = any(%s::uuid[])",
        list(balances),
    )
    found = {row["id"]: row["found"] for row in rows}
    return {
        key: (found.get(key), must) for key, must in {**due, **balances}.items() if found.get(key) != must
    }


def test_500_purchases_whose_webhooks_are_lost_doubled_and_shuffled_end_right(
    crowd: Crowd, simulator: LocalStripe, books: Books, env: Mapping[str, str]
) -> None:
    simulator.set_chaos(seed=20, drop=0.2, duplicate=0.2, shuffle=25)
    bought = asyncio.run(crowd.buy(PURCHASES))
    simulator.settle()
    simulator.wait_until_idle(IDLE_PATIENCE)
    simulator.set_chaos()
    dropped = len(simulator.deliveries(state="dropped"))
    assert dropped > PURCHASES / 2
    assert books.audit() == []
    assert differing(books, bought)

    report = reconcile_now(env)

    assert (report.success, report.unmended) == (True, [])
    assert report.missing_events == dropped
    assert differing(books, bought) == {}
    assert books.audit() == []

    events = books.count_events()
    again = reconcile_now(env)
    assert (again.differences, again.outcomes, again.purchases) == (0, {}, [])
    assert books.count_events() == events
    assert differing(books, bought) == {}
    assert report.read == again.read


def test_run_beside_live_webhooks_changes_nothing_twice(
    crowd: Crowd, simulator: LocalStripe, books: Books, env: Mapping[str, str]
) -> None:
    simulator.pause_deliveries()
    try:
        bought = asyncio.run(crowd.buy(60))
        simulator.settle()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(reconcile_now, env)
            simulator.resume_deliveries()
            assert running.result().success
    finally:
        simulator.resume_deliveries()
    simulator.wait_until_idle(IDLE_PATIENCE)
    assert differing(books, bought) == {}
    assert reconcile_now(env).differences == 0
