from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from service.sandbox.simulator import start_simulator
from tests import loopback
from tests.integration.simulator.conftest import make_client
from tests.integration.simulator.payments import pay
from tests.integration.simulator.receiver import Receiver, verify

if TYPE_CHECKING:
    import httpx
    from stripe import StripeClient

    from service.sandbox.simulator import LocalStripe


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "You did not provide an API key"),
        ({"Authorization": "Bearer"}, "You did not provide an API key"),
        ({"Authorization": "Digest x"}, "You did not provide an API key"),
        ({"Authorization": "Bearer sk_test_wrong"}, "Invalid API Key provided: sk_test_*rong"),
        ({"Authorization": "Bearer nonsense"}, "Invalid API Key provided: ****ense"),
        ({"Authorization": "Basic !!!"}, "You did not provide an API key"),
    ],
)
def test_without_a_known_key_everything_is_401(
    simulator: LocalStripe, headers: dict[str, str], message: str
) -> None:
    answer = loopback.get(f"{simulator.url}/v1/customers", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert message in answer.json()["error"]["message"]
    assert answer.headers["request-id"].startswith("req_")


def test_the_sdk_raises_an_authentication_error(simulator: LocalStripe) -> None:
    stranger = sdk.StripeClient("sk_test_stranger", base_addresses={"api": simulator.url})
    with pytest.raises(sdk.AuthenticationError):
        stranger.v1.customers.list()


def test_the_key_can_be_the_user_of_basic_authentication(simulator: LocalStripe) -> None:
    answer = loopback.get(f"{simulator.url}/v1/customers", auth=(simulator.secret_key, ""))
    assert answer.status_code == 200
    token = base64.b64encode(simulator.secret_key.encode()).decode()
    bare = loopback.get(f"{simulator.url}/v1/customers", headers={"Authorization": f"Basic {token}"})
    assert bare.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/customers"),
        ("POST", "/v1/customers"),
        ("POST", "/v1/payment_intents"),
        ("GET", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
        ("POST", "/v1/payment_intents/pi_1/capture"),
        ("POST", "/v1/refunds"),
        ("GET", "/v1/events"),
        ("POST", "/v1/webhook_endpoints"),
        ("GET", "/v1/payment_methods/pm_1"),
        ("POST", "/v1/payment_methods/pm_1/attach"),
    ],
)
def test_a_publishable_key_opens_nothing_of_the_servers(
    browser: httpx.Client, method: str, path: str
) -> None:
    answer = browser.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_key_required")


def test_a_browser_can_make_a_payment_method(browser: httpx.Client) -> None:
    form = {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "2040",
        "card[cvc]": "123",
    }
    answer = browser.post("/v1/payment_methods", data=form)
    assert answer.status_code == 200
    assert answer.json()["card"]["last4"] == "4242"
    assert browser.post("/v1/payment_methods", data=form | {"payment_method": "pm_1"}).status_code == 400


def test_a_page_of_any_origin_may_ask(simulator: LocalStripe) -> None:
    answer = loopback.options(
        f"{simulator.url}/v1/payment_intents/pi_1/confirm",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()


def test_the_pinned_version_is_the_only_one(http: httpx.Client) -> None:
    pinned = http.get("/v1/customers", headers={"Stripe-Version": str(sdk.api_version)})
    assert pinned.headers["stripe-version"] == sdk.api_version
    assert http.get("/v1/customers").headers["stripe-version"] == sdk.api_version
    older = http.get("/v1/customers", headers={"Stripe-Version": "2022-11-15"})
    assert older.status_code == 400
    assert "Invalid Stripe API version" in older.json()["error"]["message"]


def test_an_unknown_url_is_404_in_the_envelope(http: httpx.Client) -> None:
    for method, path in (("GET", "/v1/invoices"), ("PUT", "/v1/customers"), ("GET", "/"), ("GET", "/v2/x")):
        answer = http.request(method, path)
        assert answer.status_code == 404
        assert f"Unrecognized request URL ({method}: {path})" in answer.json()["error"]["message"]


@pytest.mark.slow
def test_a_live_key_makes_live_objects_events_and_webhooks() -> None:
    with start_simulator(secret_key="sk_live_topup") as live, Receiver() as receiver:
        client: StripeClient = make_client(live)
        assert live.publishable_key == "pk_live_topup"
        endpoint = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
        intent = pay(client)
        live.wait_until_idle()
        assert (endpoint.livemode, intent.livemode) == (True, True)
        assert {verify(received, endpoint.secret).livemode for received in receiver.requests} == {True}
        with pytest.raises(sdk.AuthenticationError):
            sdk.StripeClient("sk_test_topup", base_addresses={"api": live.url}).v1.customers.list()
