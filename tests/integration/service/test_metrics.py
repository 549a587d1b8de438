"""What the metrics of a running service say of a purchase, and of the checks that run elsewhere."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, LiteralString

import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.integration.service.copies import another_service
from tests.integration.service.outages import without_postgrest
from tests.integration.service.waiting import eventually
from tests.integration.service.webhooks import deliver, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

FAILED: LiteralString = (
    "insert into credits.stripe_events (id, type, outcome, reason, payload) "
    "values ('evt_failed', 'refund.updated', 'failed', '40001 to be tried again', '{}')"
)
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def watched(stack: Stack) -> Iterator[Shop]:
    """A copy of the service that has metrics."""
    with another_service(stack, TOPUP_METRICS_TOKEN=TOKEN) as copy:
        yield copy.shop


def scrape(shop: Shop) -> dict[str, float]:
    """Each sample by its name and labels."""
    answer = shop.http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        name: float(value) for name, value in re.findall(r"^(topup_\S+) (\S+)$", answer.text, re.MULTILINE)
    }


def unready(samples: dict[str, float]) -> dict[str, float]:
    """The samples of a service that is not ready; of another none."""
    return {} if samples["topup_ready"] else samples


def audit(stack: Stack) -> int:
    """Run `topup audit`; its exit status."""
    return CliRunner().invoke(app, ["audit"], env=dict(stack.environment)).exit_code


def test_purchase_and_its_webhook_are_measured_from_end_to_end(
    watched: Shop, user: User, stripe: StripeAccount
) -> None:
    before = scrape(watched)
    intent = stripe.get(f"payment_intents/{watched.order(user)['paymentIntentId']}")
    event = succeeded(intent)
    assert deliver(watched, event).status_code == 200
    assert deliver(watched, event).status_code == 200
    assert watched.buy(user, method="pm_nothing").status_code == 400

    now = scrape(watched)

    def risen(sample: str) -> float:
        return now[sample] - before.get(sample, 0)

    assert risen('topup_webhook_events_total{outcome="applied",reason=""}') == 1
    assert risen('topup_webhook_events_total{outcome="duplicate",reason=""}') == 1
    assert risen("topup_receipt_to_credit_seconds_count") == 2
    assert risen("topup_receipt_to_credit_seconds_sum") > 0
    route = 'topup_request_seconds_count{route="/api/stripe/create-payment-intent",status='
    assert risen(route + '"200"}') == 1
    assert risen(route + '"400"}') == 1
    call = "topup_call_seconds_count{{call={!r},outcome={!r},to={!r}}}"
    for name, outcome, to in (
        ("record_stripe_events", "ok", "postgrest"),
        ("open_credit_purchase", "ok", "postgrest"),
        ("create_payment_intent", "ok", "stripe"),
        ("create_payment_intent", "refused", "stripe"),
    ):
        assert risen(call.format(name, outcome, to).replace("'", '"')) >= 1
    assert now["topup_ready"] == 1
    assert now["topup_recorder_waiting"] == 0


def test_what_the_audit_found_is_shown_by_the_service(stack: Stack, watched: Shop, books: Books) -> None:
    finding = 'topup_check_findings{check="audit"}'
    ended = 'topup_check_timestamp_seconds{check="audit"}'
    assert audit(stack) == 0
    assert scrape(watched)[finding] == 0
    # The clocks of this machine and of the database may be two.
    assert abs(scrape(watched)[ended] - time.time()) < 600
    books.execute(FAILED)
    try:
        assert audit(stack) == 1
    finally:
        books.execute("delete from credits.stripe_events where id = 'evt_failed'")
    assert scrape(watched)[finding] == 1
    assert audit(stack) == 0
    assert scrape(watched)[finding] == 0


def test_metrics_of_an_outage_say_so_and_repeat_nothing_that_was_found_before(
    stack: Stack, watched: Shop
) -> None:
    assert audit(stack) == 0
    with without_postgrest(stack):
        # Readiness is asked anew once a second.
        samples = eventually(lambda: unready(scrape(watched)), "the metrics tell of the outage")
    assert not [name for name in samples if name.startswith("topup_check_")]
