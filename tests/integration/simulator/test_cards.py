from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from tests.integration.simulator.payments import RETURN_URL, charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import StripeClient
    from stripe.params import PaymentMethodCreateParams as CreateParams

DECLINED = [
    ("pm_card_visa_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    (
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "card_declined",
        "insufficient_funds",
    ),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "card_declined",
        "card_velocity_exceeded",
    ),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "4000000000000119", "processing_error", None),
    ("pm_card_radarBlock", "4100000000000019", "card_declined", "fraudulent"),
]


def card(number: str, **changes: Any) -> Any:  # noqa: ANN401 - parameters of any kind, wrong ones too
    return {
        "type": "card",
        "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"} | changes,
    }


@pytest.mark.parametrize(
    ("method", "brand", "last4", "funding"),
    [
        ("pm_card_visa", "visa", "4242", "credit"),
        ("pm_card_visa_debit", "visa", "5556", "debit"),
        ("pm_card_mastercard", "mastercard", "4444", "credit"),
        ("pm_card_mastercard_prepaid", "mastercard", "5100", "prepaid"),
        ("pm_card_amex", "amex", "0005", "credit"),
        ("pm_card_discover", "discover", "1117", "credit"),
        ("pm_card_diners", "diners", "0004", "credit"),
        ("pm_card_jcb", "jcb", "0505", "credit"),
        ("pm_card_unionpay", "unionpay", "0005", "credit"),
    ],
)
def test_a_card_of_each_brand_pays(
    client: StripeClient, method: str, brand: str, last4: str, funding: str
) -> None:
    intent = pay(client, method)
    assert intent.status == "succeeded"
    details = charge_of(client, intent).payment_method_details
    assert details is not None
    assert details.card is not None
    assert (details.card.brand, details.card.last4, details.card.funding) == (brand, last4, funding)


@pytest.mark.parametrize(("method", "number", "code", "decline_code"), DECLINED)
def test_a_declining_card_is_402_and_the_intent_wants_another(
    client: StripeClient, method: str, number: str, code: str, decline_code: str | None
) -> None:
    before = latest_event(client)
    with pytest.raises(sdk.CardError) as declined:
        pay(client, method)

    error = declined.value.error
    assert error is not None
    assert (declined.value.http_status, error.type, error.code, error.decline_code) == (
        402,
        "card_error",
        code,
        decline_code,
    )
    assert error.payment_intent is not None
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.code, intent.last_payment_error.message) == (code, error.message)
    assert intent.last_payment_error.payment_method is not None
    assert intent.last_payment_error.payment_method.card is not None
    assert intent.last_payment_error.payment_method.card.last4 == number[-4:]
    charge = charge_of(client, intent)
    assert (charge.id, charge.status, charge.paid, charge.failure_code) == (
        error.charge,
        "failed",
        False,
        code,
    )
    assert types_since(client, before) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
    ]


def test_a_declined_intent_is_paid_with_another_card(client: StripeClient) -> None:
    with pytest.raises(sdk.CardError) as declined:
        pay(client, "pm_card_chargeDeclined")
    assert declined.value.error is not None
    assert declined.value.error.payment_intent is not None
    intent_id = declined.value.error.payment_intent.id
    paid = client.v1.payment_intents.confirm(
        intent_id, {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
    )
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        (card("4242424242424241"), "incorrect_number", "number"),
        (card("4242"), "invalid_number", "number"),
        (card("4242424242424242", exp_month=13), "invalid_expiry_month", "exp_month"),
        (card("4242424242424242", exp_year=2020), "invalid_expiry_year", "exp_year"),
        (card("4242424242424242", cvc="12"), "invalid_cvc", "cvc"),
        (card("378282246310005", cvc="123"), "invalid_cvc", "cvc"),
        (card("4111111111111111"), "card_declined", None),
    ],
)
def test_card_details_that_no_network_takes_are_refused(
    client: StripeClient, params: CreateParams, code: str, param: str | None
) -> None:
    with pytest.raises(sdk.CardError) as refused:
        client.v1.payment_methods.create(params)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_card_number_becomes_a_payment_method_that_shows_four_digits(client: StripeClient) -> None:
    made = client.v1.payment_methods.create(
        card("5555555555554444")
        | {"billing_details": {"name": "Jenny Rosen", "address": {"postal_code": "94110"}}}
    )
    assert made.card is not None
    assert (made.type, made.card.brand, made.card.last4, made.card.exp_year) == (
        "card",
        "mastercard",
        "4444",
        2040,
    )
    assert made.card.checks is not None
    assert (made.card.checks.cvc_check, made.card.checks.address_postal_code_check) == ("pass", "pass")
    assert made.card.checks.address_line1_check is None
    assert made.billing_details.name == "Jenny Rosen"
    assert "number" not in made.card.to_dict()
    assert pay(client, made.id).status == "succeeded"


def test_a_token_becomes_a_payment_method(client: StripeClient) -> None:
    made = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_mastercard"}})
    assert made.card is not None
    assert made.card.brand == "mastercard"
    with pytest.raises(sdk.InvalidRequestError) as refused:
        client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_nobody"}})
    assert refused.value.code == "resource_missing"


def test_the_same_card_has_the_same_fingerprint(client: StripeClient) -> None:
    prints = set()
    for number in ("4242424242424242", "4242 4242 4242 4242", "4000056655665556"):
        made = client.v1.payment_methods.create(card(number))
        assert made.card is not None
        prints.add(made.card.fingerprint)
    assert len(prints) == 2


@pytest.mark.parametrize(
    ("method", "check"),
    [
        ("pm_card_cvcCheckFail", {"cvc_check": "fail"}),
        ("pm_card_avsZipFail", {"address_postal_code_check": "fail"}),
        ("pm_card_avsLine1Fail", {"address_line1_check": "fail"}),
    ],
)
def test_a_failed_check_is_shown_and_the_payment_succeeds(
    client: StripeClient, method: str, check: dict[str, str]
) -> None:
    details = charge_of(client, pay(client, method)).payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.checks is not None
    assert check.items() <= details.card.checks.to_dict().items()


def test_the_risk_of_a_payment_is_shown(client: StripeClient) -> None:
    outcomes = [
        charge_of(client, pay(client, m)).outcome for m in ("pm_card_visa", "pm_card_riskLevelElevated")
    ]
    assert [outcome and outcome.risk_level for outcome in outcomes] == ["normal", "elevated"]


def test_the_name_of_a_test_card_makes_a_new_payment_method_each_time(client: StripeClient) -> None:
    first, second = pay(client), pay(client)
    assert first.payment_method != second.payment_method
    assert isinstance(first.payment_method, str)
    assert first.payment_method.startswith("pm_1")


def test_a_card_name_that_does_not_exist_is_refused(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refused:
        pay(client, "pm_card_viza")
    assert (refused.value.code, refused.value.param) == ("resource_missing", "payment_method")
