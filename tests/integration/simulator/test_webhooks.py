from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from service.sandbox.node import PROJECT
from service.sandbox.simulator import LocalStripe
from service.sandbox.simulator.options import Options
from tests.integration.simulator.conftest import make_client
from tests.integration.simulator.payments import pay
from tests.integration.simulator.receiver import PATIENCE, Received, Receiver, verify
from tests.listening import nowhere

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from stripe import StripeClient, WebhookEndpoint
    from stripe.params import WebhookEndpointCreateParams as CreateParams

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

FIRST_RETRY = Options().first_retry


def test_the_sdk_accepts_the_signature_of_every_webhook(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    pay(client)
    simulator.wait_until_idle()
    assert len(receiver.requests) == 4
    for received in receiver.requests:
        event = verify(received, endpoint.secret)
        assert event.api_version == sdk.api_version
        assert received.content_type == "application/json; charset=utf-8"
        with pytest.raises(sdk.SignatureVerificationError):
            verify(received, endpoint.secret, body=received.body + b" ")


def test_a_webhook_carries_the_event_as_the_api_lists_it(
    client: StripeClient,
    http: httpx.Client,
    simulator: LocalStripe,
    receiver: Receiver,
    endpoint: WebhookEndpoint,
) -> None:
    intent = pay(client, metadata={"Ünïcödé": "snow ☃"})
    simulator.wait_until_idle()
    [sent] = receiver.events("payment_intent.succeeded")
    listed = http.get(f"/v1/events/{sent['id']}").json()

    assert sent["data"]["object"]["id"] == intent.id
    assert sent["pending_webhooks"] == 1
    assert listed["pending_webhooks"] == 0
    assert sent | {"pending_webhooks": 0} == listed
    assert endpoint.livemode is sent["livemode"] is False


def test_the_body_is_indented_json_as_stripe_sends_it(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.status == "enabled"
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    body = receiver.requests[0].body.decode()
    assert body == json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def test_an_endpoint_hears_only_the_types_that_it_enabled(
    client: StripeClient,
    simulator: LocalStripe,
    receiver: Receiver,
    new_endpoint: Callable[..., WebhookEndpoint],
) -> None:
    new_endpoint(receiver.url, "payment_intent.succeeded", "charge.failed")
    pay(client)
    simulator.wait_until_idle()
    assert [event["type"] for event in receiver.events()] == ["payment_intent.succeeded"]


def test_each_of_several_endpoints_gets_its_own_signature(
    client: StripeClient, simulator: LocalStripe, new_endpoint: Callable[..., WebhookEndpoint]
) -> None:
    with Receiver() as first, Receiver() as second:
        secrets = [(r, new_endpoint(r.url, "payment_intent.created").secret or "") for r in (first, second)]
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
        simulator.wait_until_idle()
        assert secrets[0][1] != secrets[1][1]
        for receiver, secret in secrets:
            [received] = receiver.requests
            verify(received, secret)
        assert first.events()[0]["id"] == second.events()[0]["id"]
        assert first.events()[0]["pending_webhooks"] == 2


@pytest.mark.parametrize("status", [500, 404, 302, 400])
def test_a_webhook_is_sent_again_until_it_is_confirmed_with_2xx(
    client: StripeClient,
    simulator: LocalStripe,
    receiver: Receiver,
    new_endpoint: Callable[..., WebhookEndpoint],
    status: int,
) -> None:
    endpoint = new_endpoint(receiver.url, "payment_intent.created")
    receiver.answers = lambda _: status if len(receiver.requests) < 2 else 204
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()

    assert len(receiver.requests) == 3
    assert len({received.body for received in receiver.requests}) == 1
    [delivery] = simulator.deliveries(endpoint=endpoint.id)
    assert delivery["state"] == "succeeded"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [status, status, 204]
    times = [attempt["at"] for attempt in delivery["attempts"]]
    pauses = [after - before for before, after in pairwise(times)]
    # A busy machine adds to any of them, and a timer may be a millisecond early.
    assert all(
        pause > 0.9 * least for pause, least in zip(pauses, (FIRST_RETRY, 2 * FIRST_RETRY), strict=True)
    )


def test_every_attempt_is_signed_anew(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.answers = lambda _: 500 if len(receiver.requests) < 4 else 200
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    stamps = [int(received.signature.split(",")[0].removeprefix("t=")) for received in receiver.requests]
    assert len(stamps) == 5
    assert stamps[-1] > stamps[0]
    for received in receiver.requests:
        verify(received, endpoint.secret)


def test_an_endpoint_that_cannot_be_reached_is_tried_again(
    client: StripeClient, simulator: LocalStripe, new_endpoint: Callable[..., WebhookEndpoint]
) -> None:
    with nowhere() as url:
        endpoint = new_endpoint(url, "payment_intent.created")
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
        attempts: list[Any] = []
        deadline = time.monotonic() + 60
        while len(attempts) < 2:
            assert time.monotonic() < deadline
            [delivery] = simulator.deliveries(endpoint=endpoint.id)
            attempts = delivery["attempts"]
        assert delivery["state"] == "pending"
        assert all(attempt["status"] is None and "ConnectError" in attempt["error"] for attempt in attempts)

        client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        simulator.wait_until_idle()
    [delivery] = simulator.deliveries(endpoint=endpoint.id)
    assert delivery["state"] == "canceled"


def test_a_slow_endpoint_delays_neither_the_api_nor_other_endpoints(
    client: StripeClient, simulator: LocalStripe, new_endpoint: Callable[..., WebhookEndpoint]
) -> None:
    with Receiver() as slow, Receiver() as quick:
        heard: list[bool] = []

        def wait_for_the_other(_: Received) -> int:
            quick.wait_for(lambda requests: len(requests) == 3)
            heard.append(True)
            return 200

        slow.answers = wait_for_the_other
        new_endpoint(slow.url, "payment_intent.created")
        new_endpoint(quick.url, "payment_intent.created")
        for _ in range(3):
            client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
        simulator.wait_until_idle()
        assert heard == [True] * 3


def test_an_event_can_be_sent_once_more(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    [first] = receiver.requests
    simulator.redeliver(first.event["id"])
    simulator.wait_until_idle()
    assert [received.event["id"] for received in receiver.requests] == [first.event["id"]] * 2
    assert len(simulator.deliveries(event=first.event["id"], endpoint=endpoint.id)) == 2


def test_nothing_is_sent_while_paused_and_everything_after_it(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    simulator.pause_deliveries()
    intent = pay(client)
    with pytest.raises(TimeoutError):
        simulator.wait_until_idle(0.5)
    assert receiver.requests == []
    assert all(d["attempts"] == [] for d in simulator.deliveries(endpoint=endpoint.id))

    simulator.resume_deliveries()
    simulator.wait_until_idle()
    assert {event["data"]["object"]["id"] for event in receiver.events("payment_intent.succeeded")} == {
        intent.id
    }


def test_after_a_roll_both_secrets_sign_until_the_old_one_expires(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    old = endpoint.secret or ""
    new = simulator.roll_secret(endpoint.id, expires_in=3600)
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    [received] = receiver.requests
    for secret in (old, new):
        verify(received, secret)

    newest = simulator.roll_secret(endpoint.id)
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    received = receiver.requests[-1]
    verify(received, newest)
    with pytest.raises(sdk.SignatureVerificationError):
        verify(received, new)


def test_the_secret_is_shown_at_creation_and_never_again(
    client: StripeClient, new_endpoint: Callable[..., WebhookEndpoint]
) -> None:
    made = new_endpoint("http://127.0.0.1:9/hooks", "charge.failed")
    assert (made.secret or "").startswith("whsec_")
    assert len(made.secret or "") == 38
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id).to_dict()
    listed = client.v1.webhook_endpoints.list({"limit": 100}).data
    assert made.id in {each.id for each in listed}
    assert all("secret" not in each.to_dict() for each in listed)


def test_an_endpoint_can_be_changed_and_deleted(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver
) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hooks", "enabled_events": ["charge.failed"], "description": "first"}
    )
    changed = client.v1.webhook_endpoints.update(
        made.id, {"url": receiver.url, "enabled_events": ["payment_intent.created"], "description": ""}
    )
    assert (changed.url, changed.enabled_events) == (receiver.url, ["payment_intent.created"])
    assert changed.description is None
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    assert len(receiver.requests) == 1

    assert client.v1.webhook_endpoints.delete(made.id).deleted is True
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    simulator.wait_until_idle()
    assert len(receiver.requests) == 1
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.webhook_endpoints.retrieve(made.id)
    assert refusal.value.http_status == 404


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": "shop.example/hooks", "enabled_events": ["*"]}, "url"),
        ({"url": "http://127.0.0.1:9", "enabled_events": ["payment_intent.paid"]}, "enabled_events[0]"),
        ({"url": "http://127.0.0.1:9", "enabled_events": ["*", "charge.failed"]}, "enabled_events"),
        ({"url": "http://127.0.0.1:9"}, "enabled_events"),
        ({"url": "http://127.0.0.1:9", "enabled_events": ["*"], "api_version": "2022-11-15"}, "api_version"),
    ],
)
def test_an_endpoint_that_stripe_refuses_is_refused(
    client: StripeClient, params: CreateParams, param: str
) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.webhook_endpoints.create(params)
    assert refusal.value.param == param


def test_the_request_that_caused_an_event_is_named_in_it(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.id
    key = uuid.uuid4().hex
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"}, {"idempotency_key": key})
    simulator.wait_until_idle()
    [event] = receiver.events()
    assert intent.last_response is not None
    assert event["request"] == {
        "id": intent.last_response.headers["Request-Id"],
        "idempotency_key": key,
    }


def test_the_simulator_stops_by_itself_with_deliveries_in_flight() -> None:
    """They would be tried again for three days."""
    command = [sys.executable, "-m", "service.sandbox.simulator", "--port", "0"]
    with (
        Receiver() as receiver,
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process,
    ):
        receiver.answers = lambda _: 500
        try:
            assert process.stdout is not None
            with LocalStripe(**json.loads(process.stdout.readline())) as simulator:
                client = make_client(simulator)
                client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
                for _ in range(5):
                    pay(client)
                receiver.wait_for(lambda requests: len(requests) >= 5)
            process.terminate()
            assert process.wait(PATIENCE) in {0, -signal.SIGTERM}
        finally:
            process.kill()
