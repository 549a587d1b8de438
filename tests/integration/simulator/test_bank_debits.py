from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from tests.integration.simulator.payments import charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import PaymentIntent, StripeClient

    from service.sandbox.simulator import LocalStripe

MANDATE: Any = {
    "customer_acceptance": {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "test"}}
}


def debit(client: StripeClient, method: str, **params: Any) -> PaymentIntent:
    currency = "eur" if "sepa" in method else "usd"
    return pay(client, method, currency=currency, mandate_data=MANDATE, **params)


@pytest.mark.parametrize("method", ["pm_usBankAccount_success", "pm_sepaDebit_success_de"])
def test_a_debit_is_processing_until_it_settles(
    client: StripeClient, simulator: LocalStripe, method: str
) -> None:
    before = latest_event(client)
    intent = debit(client, method)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    charge = charge_of(client, intent)
    assert (charge.status, charge.paid) == ("pending", False)
    assert charge.id.startswith("py_3")

    simulator.settle()

    paid = client.v1.payment_intents.retrieve(intent.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 1000)
    assert charge_of(client, paid).paid is True
    assert types_since(client, before) == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_usBankAccount_insufficientFunds", "insufficient_funds"),
        ("pm_usBankAccount_accountClosed", "account_closed"),
        ("pm_usBankAccount_noAccount", "no_account"),
        ("pm_usBankAccount_debitNotAuthorized", "debit_not_authorized"),
        ("pm_sepaDebit_failed_at", "payment_method_provider_decline"),
    ],
)
def test_a_debit_that_comes_back_wants_another_payment_method(
    client: StripeClient, simulator: LocalStripe, method: str, code: str
) -> None:
    intent = debit(client, method)
    before = latest_event(client)
    simulator.settle()
    failed = client.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == code
    assert charge_of(client, failed).status == "failed"
    assert types_since(client, before) == ["charge.failed", "payment_intent.payment_failed"]


def test_a_debit_can_stay_in_processing_and_be_canceled(client: StripeClient, simulator: LocalStripe) -> None:
    intent = debit(client, "pm_usBankAccount_processing")
    simulator.settle()
    assert client.v1.payment_intents.retrieve(intent.id).status == "processing"
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_debit_canceled_before_it_settles_never_pays(client: StripeClient, simulator: LocalStripe) -> None:
    intent = debit(client, "pm_usBankAccount_success")
    client.v1.payment_intents.cancel(intent.id)
    simulator.settle()
    canceled = client.v1.payment_intents.retrieve(intent.id)
    assert (canceled.status, canceled.amount_received) == ("canceled", 0)


def test_a_debit_can_be_disputed_once_paid(client: StripeClient, simulator: LocalStripe) -> None:
    intent = debit(client, "pm_usBankAccount_dispute")
    simulator.settle()
    [dispute] = client.v1.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.amount, dispute.status) == (1000, "needs_response")


def test_a_debit_needs_the_customers_consent(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError, match="requires a mandate"):
        pay(client, "pm_usBankAccount_success")


def test_an_account_pays_in_its_own_currency_alone(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        pay(client, "pm_usBankAccount_success", currency="eur", mandate_data=MANDATE)
    assert refusal.value.code == "payment_intent_incompatible_payment_method"


def test_an_iban_becomes_a_payment_method(client: StripeClient, simulator: LocalStripe) -> None:
    details: Any = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": "DE89 3704 0044 0532 0130 00"},
        "billing_details": {"name": "Jenny Rosen", "email": "jenny@example.com"},
    }
    made = client.v1.payment_methods.create(details)
    assert made.sepa_debit is not None
    assert (made.sepa_debit.country, made.sepa_debit.last4) == ("DE", "3000")
    intent = pay(client, made.id, currency="eur", mandate_data=MANDATE)
    simulator.settle()
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_methods.create(details | {"billing_details": {"name": "Jenny Rosen"}})
    assert refusal.value.param == "billing_details[email]"


def test_a_type_can_be_excluded(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "excluded_payment_method_types": ["us_bank_account"]}
    )
    assert intent.payment_method_types == ["card"]
    with pytest.raises(sdk.InvalidRequestError, match="No valid payment method types"):
        client.v1.payment_intents.create(
            {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["alipay"]}
        )
