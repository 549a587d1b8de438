"""One trace from the page to Stripe, as a collector of OpenTelemetry receives it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.service.collector import Collector, Seen
from tests.integration.service.copies import another_service
from tests.integration.service.shop import BUY, MEDIUM
from tests.integration.service.waiting import at_once, eventually
from tests.integration.service.webhooks import deliver, succeeded
from tests.log_lines import read_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.sandbox.stack import Stack
    from tests.integration.service.copies import Copy
    from tests.integration.service.shop import Shop, StripeAccount, User

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

SERVER, CLIENT = 2, 3
TOKEN = "the-token-of-the-collector"
WEBHOOK = "POST /api/stripe/webhook"
CROWD = 24


@pytest.fixture(scope="module", name="collector")
def start_collector() -> Iterator[Collector]:
    with Collector().running() as collector:
        yield collector


@pytest.fixture(scope="module", name="traced")
def start_traced(stack: Stack, collector: Collector) -> Iterator[Copy]:
    """A copy of the service that sends its traces to the collector, a moment after they end."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{TOKEN}",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with another_service(stack, **settings) as copy:
        yield copy


@pytest.fixture(name="shop")
def visit_shop(traced: Copy) -> Shop:
    return traced.shop


def new_trace() -> tuple[str, str, dict[str, str]]:
    """The ids of a page's own trace and span, and the header that tells of them."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, {"traceparent": f"00-{trace}-{span}-01"}


def of_trace(collector: Collector, trace: str) -> list[Seen]:
    """All spans of a trace, once the request's own has come: it ends last."""

    def finished(spans: list[Seen]) -> list[Seen]:
        found = [span for span in spans if span.trace == trace]
        return found if any(span.kind == SERVER for span in found) else []

    return collector.wait_for(finished, f"the trace {trace} arrives")


def test_purchase_is_one_trace_from_the_page_to_stripe(shop: Shop, user: User, collector: Collector) -> None:
    trace, page, header = new_trace()
    answer = shop.http.post(BUY, json={"creditPackageId": MEDIUM}, headers={**user.headers, **header})
    assert answer.status_code == 200
    [request] = [span for span in of_trace(collector, trace) if span.kind == SERVER]
    assert (request.name, request.parent, request.failed) == (f"POST {BUY}", page, False)
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["topup.request_id"] == answer.headers["x-request-id"]
    calls = [span for span in of_trace(collector, trace) if span.kind == CLIENT]
    assert [span.name for span in calls] == [
        "postgrest open_credit_purchase",
        "stripe create_customer",
        "postgrest save_stripe_customer",
        "stripe create_payment_intent",
        "postgrest attach_payment_intent",
    ]
    assert {span.parent for span in calls} == {request.id}
    assert request.resource["service.name"] == "topup"
    assert request.resource["deployment.environment.name"] == "test"
    assert {header["authorization"] for header in collector.headers} == {f"Bearer {TOKEN}"}


def test_call_that_stripe_refuses_is_marked_with_the_code_of_the_error(
    shop: Shop, user: User, collector: Collector
) -> None:
    trace, _, header = new_trace()
    order = {"creditPackageId": MEDIUM, "paymentMethodId": "pm_nothing"}
    assert shop.http.post(BUY, json=order, headers={**user.headers, **header}).status_code == 400
    spans = of_trace(collector, trace)
    assert [(span.name, span.attributes["error.type"]) for span in spans if span.failed] == [
        ("stripe create_payment_intent", "payment_method_refused")
    ]
    [request] = [span for span in spans if span.kind == SERVER]
    assert request.attributes["topup.error"] == "payment_method_refused"


def test_each_of_many_webhooks_leads_to_the_call_that_took_it(
    shop: Shop, new_user: Callable[[], User], stripe: StripeAccount, collector: Collector
) -> None:
    buyer = new_user()
    intent = stripe.get(f"payment_intents/{shop.order(buyer)['paymentIntentId']}")
    events = [succeeded(intent) for _ in range(CROWD)]
    assert {answer.status_code for answer in at_once(CROWD, lambda n: deliver(shop, events[n]))} == {200}
    ids = {event["id"] for event in events}

    def all_of_them(spans: list[Seen]) -> list[Seen]:
        found = [span for span in spans if span.attributes.get("topup.event_id") in ids]
        return found if len(found) == CROWD else []

    webhooks = {span.id: span for span in collector.wait_for(all_of_them, "each webhook's span arrives")}
    batches = [span for span in collector.spans() if span.name == "record events"]
    shared = 0
    for batch in batches:
        if batch.parent not in webhooks:
            continue
        assert webhooks[batch.parent].trace == batch.trace
        assert batch.attributes["topup.events"] == 1 + len(batch.links)
        for linked in batch.links:
            assert batch.id in webhooks[linked].links
            shared += 1
        [call] = [span for span in collector.spans() if span.parent == batch.id]
        assert (call.name, call.kind) == ("postgrest record_stripe_events", CLIENT)
    first = sum(batch.parent in webhooks for batch in batches)
    # How many calls they come to depends on the machine.
    assert first + shared == CROWD


def test_line_of_the_log_and_span_of_a_webhook_name_each_other(
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount, collector: Collector
) -> None:
    event = succeeded(stripe.get(f"payment_intents/{shop.order(user)['paymentIntentId']}"))
    request_id = deliver(shop, event).headers["x-request-id"]

    def lines() -> list[dict[str, Any]]:
        about = [line for line in read_log(stack.service.log) if line.get("request_id") == request_id]
        return [line for line in about if line["event"] == "request"]

    [line] = eventually(lines, "the log tells of the webhook")
    [span] = [span for span in of_trace(collector, line["trace_id"]) if span.kind == SERVER]
    assert span.name == WEBHOOK
    for name in ("request_id", "event_id", "event_type", "outcome", "transaction_id"):
        assert span.attributes[f"topup.{name}"] == line[name]
    assert line["event_id"] == event["id"]


def test_spans_hold_no_secret_and_nothing_about_a_person(
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount, collector: Collector
) -> None:
    trace, _, header = new_trace()
    path = "/api/stripe/balance?access_token=in-a-query&email=ada@example.com"
    headers = {
        **user.headers,
        **header,
        "User-Agent": "a-browser-of-somebody",
        "X-Forwarded-For": "203.0.113.7",
    }
    order = shop.order(user, MEDIUM, key="a-key-of-the-page")
    deliver(shop, succeeded(stripe.get(f"payment_intents/{order['paymentIntentId']}")))
    assert shop.http.get(path, headers=headers).status_code == 200
    of_trace(collector, trace)
    sent = b"".join(collector.bodies)
    assert b"/api/stripe/balance" in sent
    for secret in (
        *user.token.split("."),
        order["clientSecret"],
        stack.stripe.secret_key,
        stack.supabase.secret_key,
        stack.supabase.publishable_key,
        stack.webhook_secret,
        TOKEN,
        "in-a-query",
        "ada@example.com",
        "a-key-of-the-page",
        "a-browser-of-somebody",
        "203.0.113.7",
        "127.0.0.1",
        str(user.id),
    ):
        assert secret.encode() not in sent, secret


def test_machines_that_look_all_day_leave_no_trace(shop: Shop, user: User, collector: Collector) -> None:
    trace, _, header = new_trace()
    shop.http.get("/health/ready")
    shop.http.get("/api/stripe/balance", headers={**user.headers, **header})
    of_trace(collector, trace)
    names = {span.name for span in collector.spans() if span.kind == SERVER}
    assert "GET /api/stripe/balance" in names
    assert not [name for name in names if "health" in name]


@pytest.mark.slow
def test_collector_that_is_away_holds_up_neither_buyers_nor_the_stop(
    stack: Stack, new_user: Callable[[], User]
) -> None:
    with another_service(stack, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as copy:
        assert copy.shop.buy(new_user()).status_code == 200
        assert copy.process.stop() == 0
