from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe as sdk

from tests import loopback
from tests.integration.simulator.payments import RETURN_URL, charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import PaymentIntent, StripeClient

    from service.sandbox.simulator import LocalStripe


def challenge_url(intent: PaymentIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    return intent.next_action.redirect_to_url.url or ""


def test_a_card_that_needs_authentication_waits_for_its_customer(client: StripeClient) -> None:
    before = latest_event(client)
    intent = pay(client, "pm_card_authenticationRequired")
    assert (intent.status, intent.amount_received, intent.latest_charge) == ("requires_action", 0, None)
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == RETURN_URL
    assert types_since(client, before) == ["payment_intent.created", "payment_intent.requires_action"]


def test_the_challenge_is_a_page_that_sends_the_customer_back_paid(client: StripeClient) -> None:
    intent = pay(client, "pm_card_authenticationRequired")
    url = challenge_url(intent)
    page = loopback.get(url)
    assert page.status_code == 200
    assert "<form" in page.text

    back = loopback.post(url, data={"outcome": "succeed"})

    assert back.status_code == 303
    location = urlsplit(back.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == RETURN_URL.partition("?")[0]
    assert parse_qs(location.query) == {
        "cart": ["7"],
        "payment_intent": [intent.id],
        "payment_intent_client_secret": [intent.client_secret],
        "redirect_status": ["succeeded"],
    }
    paid = client.v1.payment_intents.retrieve(intent.id)
    assert (paid.status, paid.next_action) == ("succeeded", None)
    details = charge_of(client, paid).payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.three_d_secure is not None
    assert details.card.three_d_secure.result == "authenticated"
    assert "Nothing is left" in loopback.get(url).text


def test_a_failed_challenge_sends_the_customer_back_unpaid(client: StripeClient) -> None:
    intent = pay(client, "pm_card_authenticationRequired")
    before = latest_event(client)
    back = loopback.post(challenge_url(intent), data={"outcome": "fail"})
    assert parse_qs(urlsplit(back.headers["location"]).query)["redirect_status"] == ["failed"]
    failed = client.v1.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert types_since(client, before) == ["payment_intent.payment_failed"]


def test_a_challenge_is_ended_through_the_handle_too(client: StripeClient, simulator: LocalStripe) -> None:
    intent = pay(client, "pm_card_threeDSecure2Required")
    assert simulator.authenticate(intent.id)["status"] == "succeeded"
    with pytest.raises(ValueError, match="waits for no authentication"):
        simulator.authenticate(intent.id)


def test_a_card_can_be_declined_after_its_challenge(client: StripeClient, simulator: LocalStripe) -> None:
    intent = pay(client, "pm_card_threeDSecureRequiredChargeDeclined")
    before = latest_event(client)
    assert simulator.authenticate(intent.id)["status"] == "requires_payment_method"
    declined = client.v1.payment_intents.retrieve(intent.id)
    assert declined.last_payment_error is not None
    assert declined.last_payment_error.decline_code == "generic_decline"
    assert types_since(client, before) == ["charge.failed", "payment_intent.payment_failed"]


def test_with_the_sdk_in_the_page_no_redirect_is_asked_for(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "use_stripe_sdk": True,
        }
    )
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"


def test_off_session_a_challenge_cannot_be_shown_so_the_card_is_declined(client: StripeClient) -> None:
    with pytest.raises(sdk.CardError) as declined:
        pay(client, "pm_card_authenticationRequired", off_session=True)
    assert declined.value.code == "authentication_required"


def test_a_caller_may_prefer_failing_to_a_challenge(client: StripeClient) -> None:
    with pytest.raises(sdk.CardError) as declined:
        pay(client, "pm_card_authenticationRequired", error_on_requires_action=True)
    assert declined.value.code == "authentication_required"


def test_a_card_set_up_with_its_customer_there_pays_later_without(
    client: StripeClient, simulator: LocalStripe
) -> None:
    customer = client.v1.customers.create()
    intent = pay(
        client,
        "pm_card_authenticationRequiredOnSetup",
        customer=customer.id,
        setup_future_usage="off_session",
    )
    assert intent.status == "requires_action"
    simulator.authenticate(intent.id)
    [saved] = client.v1.customers.payment_methods.list(customer.id).data
    later = pay(client, saved.id, customer=customer.id, off_session=True)
    assert later.status == "succeeded"


@pytest.mark.parametrize(
    ("method", "requested", "status"),
    [
        ("pm_card_threeDSecureOptional", "any", "requires_action"),
        ("pm_card_threeDSecureOptional", "automatic", "succeeded"),
        ("pm_card_visa", "any", "succeeded"),
        ("pm_card_amex", "challenge", "succeeded"),
    ],
)
def test_authentication_on_request_is_shown_where_the_card_is_enrolled(
    client: StripeClient, method: str, requested: str, status: str
) -> None:
    options = {"card": {"request_three_d_secure": requested}}
    assert pay(client, method, payment_method_options=options).status == status


def test_a_manually_confirmed_payment_is_confirmed_again_after_its_challenge(
    client: StripeClient, simulator: LocalStripe
) -> None:
    intent = pay(client, "pm_card_authenticationRequired", confirmation_method="manual")
    assert intent.status == "requires_action"
    assert simulator.authenticate(intent.id)["status"] == "requires_confirmation"
    assert client.v1.payment_intents.confirm(intent.id).status == "succeeded"


def test_a_waiting_payment_can_be_canceled_or_paid_with_another_card(client: StripeClient) -> None:
    canceled = client.v1.payment_intents.cancel(pay(client, "pm_card_authenticationRequired").id)
    assert (canceled.status, canceled.next_action) == ("canceled", None)
    waiting = pay(client, "pm_card_authenticationRequired")
    paid = client.v1.payment_intents.confirm(
        waiting.id, {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
    )
    assert paid.status == "succeeded"
