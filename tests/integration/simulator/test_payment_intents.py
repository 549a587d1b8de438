from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from tests.integration.simulator.payments import RETURN_URL, charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from stripe import StripeClient
    from stripe.params import PaymentIntentUpdateParams


def test_a_new_intent_waits_for_a_payment_method(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1500, "currency": "usd", "metadata": {"order": "7"}, "description": "Medium"}
    )
    assert intent.status == "requires_payment_method"
    assert (intent.amount, intent.currency, intent.amount_received) == (1500, "usd", 0)
    assert intent.metadata.to_dict() == {"order": "7"}
    assert intent.livemode is False
    assert re.fullmatch(r"pi_3[0-9A-Za-z]{23}", intent.id)
    assert re.fullmatch(re.escape(intent.id) + r"_secret_[0-9A-Za-z]{25}", intent.client_secret or "")


def test_a_payment_goes_from_creation_over_confirmation_to_success(client: StripeClient) -> None:
    before = latest_event(client)
    intent = client.v1.payment_intents.create(
        {"amount": 1500, "currency": "usd", "payment_method": "pm_card_visa"}
    )
    assert intent.status == "requires_confirmation"

    paid = client.v1.payment_intents.confirm(intent.id, {"return_url": RETURN_URL})

    assert (paid.status, paid.amount_received) == ("succeeded", 1500)
    charge = charge_of(client, paid)
    assert (charge.status, charge.paid, charge.captured, charge.amount_captured) == (
        "succeeded",
        True,
        True,
        1500,
    )
    assert charge.payment_intent == intent.id
    assert types_since(client, before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]


def test_an_intent_paid_at_its_creation_is_created_before_it_succeeds(client: StripeClient) -> None:
    before = latest_event(client)
    assert pay(client).status == "succeeded"
    assert types_since(client, before)[:3] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_events_keep_the_state_of_their_moment(client: StripeClient) -> None:
    intent = pay(client)
    events = client.v1.events.list({"limit": 10}).data
    created = next(e for e in events if e.type == "payment_intent.created")
    assert created.data.object["id"] == intent.id
    assert created.data.object["status"] == "requires_confirmation"
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_succeeded_intent_cannot_be_confirmed_canceled_captured_or_repriced(client: StripeClient) -> None:
    intent = pay(client)
    intents = client.v1.payment_intents
    attempts: list[Callable[[], object]] = [
        lambda: intents.confirm(intent.id, {"return_url": RETURN_URL}),
        lambda: intents.cancel(intent.id),
        lambda: intents.capture(intent.id),
        lambda: intents.update(intent.id, {"amount": 1}),
    ]
    for attempt in attempts:
        with pytest.raises(sdk.InvalidRequestError) as refusal:
            attempt()
        assert refusal.value.code == "payment_intent_unexpected_state"
        assert refusal.value.error is not None
        assert refusal.value.error.payment_intent is not None
        assert refusal.value.error.payment_intent.id == intent.id
    assert intents.retrieve(intent.id).amount == 1000


def test_confirming_without_a_payment_method_is_refused(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    with pytest.raises(sdk.InvalidRequestError, match="missing a payment method") as refusal:
        client.v1.payment_intents.confirm(intent.id, {"return_url": RETURN_URL})
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_confirming_needs_a_return_url_unless_redirects_are_ruled_out(client: StripeClient) -> None:
    count = len(client.v1.payment_intents.list({"limit": 100}).data)
    with pytest.raises(sdk.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create(
            {"amount": 1500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
        )
    assert len(client.v1.payment_intents.list({"limit": 100}).data) == count

    paid = client.v1.payment_intents.create(
        {
            "amount": 1500,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert paid.status == "succeeded"


def test_what_says_how_to_confirm_is_refused_without_confirm(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({"amount": 1500, "currency": "usd", "return_url": RETURN_URL})
    assert refusal.value.param == "return_url"


def test_an_update_changes_what_it_names_and_merges_metadata(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1500, "currency": "usd", "metadata": {"kept": "1", "dropped": "2"}}
    )
    changed = client.v1.payment_intents.update(
        intent.id,
        {"amount": 2500, "description": "Large", "metadata": {"dropped": "", "added": "3"}},
    )
    assert (changed.amount, changed.description, changed.status) == (2500, "Large", "requires_payment_method")
    assert changed.metadata.to_dict() == {"kept": "1", "added": "3"}
    assert client.v1.payment_intents.update(intent.id, {"metadata": ""}).metadata.to_dict() == {}


def test_an_update_that_is_refused_changes_nothing(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    wrong: list[PaymentIntentUpdateParams] = [
        {"description": "New", "amount": 1},
        {"description": "New", "payment_method": "pm_none"},
        {"description": "New", "receipt_email": "jenny"},
    ]
    for params in wrong:
        with pytest.raises(sdk.InvalidRequestError):
            client.v1.payment_intents.update(intent.id, params)
    assert client.v1.payment_intents.retrieve(intent.id).description is None


def test_a_payment_method_set_by_update_waits_for_confirmation(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    changed = client.v1.payment_intents.update(intent.id, {"payment_method": "pm_card_mastercard"})
    assert changed.status == "requires_confirmation"
    assert isinstance(changed.payment_method, str)
    assert client.v1.payment_methods.retrieve(changed.payment_method).card is not None


def test_metadata_of_the_intent_is_copied_to_the_charge(client: StripeClient) -> None:
    intent = pay(client, metadata={"transaction_id": "t-1"})
    assert charge_of(client, intent).metadata.to_dict() == {"transaction_id": "t-1"}


def test_an_unknown_intent_is_404_with_the_code_of_a_missing_resource(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.retrieve("pi_3000000000000000000000000")
    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (
        404,
        "resource_missing",
        "intent",
    )


def test_an_unknown_customer_in_a_parameter_is_400(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({"amount": 1500, "currency": "usd", "customer": "cus_nobody"})
    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (
        400,
        "resource_missing",
        "customer",
    )


def test_a_browser_confirms_with_its_client_secret_and_sees_no_metadata(
    client: StripeClient, browser: httpx.Client
) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd", "metadata": {"order": "7"}})
    form = {
        "client_secret": intent.client_secret or "",
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": "4242 4242 4242 4242",
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2040",
        "payment_method_data[card][cvc]": "123",
        "return_url": RETURN_URL,
    }
    answer = browser.post(f"/v1/payment_intents/{intent.id}/confirm", data=form)

    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "succeeded"
    assert "metadata" not in answer.json()
    assert "customer" not in answer.json()
    seen = browser.get(
        f"/v1/payment_intents/{intent.id}",
        params={"client_secret": intent.client_secret or ""},
        headers={"Origin": "https://shop.example"},
    )
    assert seen.json()["status"] == "succeeded"
    assert seen.headers["access-control-allow-origin"] == "*"


def test_a_browser_with_a_wrong_or_no_client_secret_gets_nothing(
    client: StripeClient, browser: httpx.Client
) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    wrong = browser.get(f"/v1/payment_intents/{intent.id}", params={"client_secret": f"{intent.id}_secret_x"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "payment_intent_invalid_parameter")
    without = browser.post(
        f"/v1/payment_intents/{intent.id}/confirm", data={"payment_method": "pm_card_visa"}
    )
    assert (without.status_code, without.json()["error"]["param"]) == (400, "client_secret")


def test_a_browser_may_not_send_what_only_a_server_may_decide(
    client: StripeClient, browser: httpx.Client
) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    form = {
        "client_secret": intent.client_secret or "",
        "payment_method": "pm_card_visa",
        "off_session": "true",
    }
    answer = browser.post(f"/v1/payment_intents/{intent.id}/confirm", data=form)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "off_session")


def test_a_manually_confirmed_intent_is_confirmed_by_the_server_alone(
    client: StripeClient, browser: httpx.Client
) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1500, "currency": "usd", "confirmation_method": "manual", "payment_method": "pm_card_visa"}
    )
    form = {"client_secret": intent.client_secret or ""}
    assert browser.post(f"/v1/payment_intents/{intent.id}/confirm", data=form).status_code == 400
    assert client.v1.payment_intents.confirm(intent.id).status == "succeeded"


def test_automatic_payment_methods_and_a_confirmation_method_exclude_each_other(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(
            {
                "amount": 1500,
                "currency": "usd",
                "confirmation_method": "manual",
                "automatic_payment_methods": {"enabled": True},
            }
        )
    assert refusal.value.code == "parameters_exclusive"


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (0, "usd", "parameter_invalid_integer"),
        (-500, "usd", "parameter_invalid_integer"),
        (100_000_000, "usd", "amount_too_large"),
        (1_000_000_000_000, "idr", "amount_too_large"),
        (1001, "kwd", "invalid_charge_amount"),
        (10_050, "isk", "invalid_charge_amount_no_decimal_compatible"),
    ],
)
def test_an_amount_that_stripe_refuses_is_refused(
    client: StripeClient, amount: int, currency: str, code: str
) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert (refusal.value.code, refusal.value.param) == (code, "amount")


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(50, "usd"), (99_999_999, "eur"), (50, "jpy"), (1000, "kwd"), (10_000, "isk"), (30, "gbp"), (1, "all")],
)
def test_an_amount_at_the_bounds_is_taken(client: StripeClient, amount: int, currency: str) -> None:
    intent = client.v1.payment_intents.create({"amount": amount, "currency": currency.upper()})
    assert (intent.amount, intent.currency) == (amount, currency)


def test_a_currency_that_does_not_exist_is_refused(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError, match="Invalid currency: xxx") as refusal:
        client.v1.payment_intents.create({"amount": 1500, "currency": "xxx"})
    assert refusal.value.param == "currency"
