"""What a browser loads of the simulator. How it behaves there is tests/browser's matter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from stripe import api_version

from tests import loopback
from tests.integration.simulator.payments import RETURN_URL, pay

if TYPE_CHECKING:
    from stripe import StripeClient

    from service.sandbox.simulator import LocalStripe


def test_stripe_js_is_where_stripe_serves_that_of_the_api_version(simulator: LocalStripe) -> None:
    line = str(api_version).partition(".")[2]
    assert simulator.stripe_js_url == f"{simulator.url}/{line}/stripe.js"
    script = loopback.get(simulator.stripe_js_url)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "globalThis.Stripe" in script.text


def test_every_file_that_a_frame_names_is_there(simulator: LocalStripe) -> None:
    frame = f"{simulator.url}/_simulator/stripe-js/payment-element.html"
    page = loopback.get(frame)
    assert page.headers["content-type"].startswith("text/html")
    named = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    script = loopback.get(urljoin(frame, named[-1]))
    named += re.findall(r'from "([^"]+)"', script.text)
    assert len(named) == 3
    for name in named:
        assert loopback.get(urljoin(frame, name)).status_code == 200, name


@pytest.mark.parametrize("name", ["nothing.js", "stripe.js", "..%2Froutes.py", "%2e%2e/routes.py"])
def test_nothing_else_is_served(simulator: LocalStripe, name: str) -> None:
    answer = loopback.get(f"{simulator.url}/_simulator/stripe-js/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_challenge_inside_the_page_leads_nowhere_else(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 1500,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "return_url": RETURN_URL,
            "use_stripe_sdk": True,
        }
    )
    assert intent.next_action is not None
    assert intent.next_action.use_stripe_sdk is not None
    url = intent.next_action.use_stripe_sdk["stripe_js"]
    assert "$15.00 usd" in loopback.get(url).text
    done = loopback.post(url, data={"outcome": "succeed"})
    assert (done.status_code, "You can close this page" in done.text) == (200, True)
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_challenge_that_is_over_asks_nothing(client: StripeClient) -> None:
    intent = pay(client, "pm_card_authenticationRequired")
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url or ""
    loopback.post(url, data={"outcome": "fail"})
    assert "<button" not in loopback.get(url).text
