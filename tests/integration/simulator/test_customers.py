from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from tests.integration.simulator.payments import latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import StripeClient


def test_a_customer_is_created_changed_and_deleted(client: StripeClient) -> None:
    before = latest_event(client)
    made = client.v1.customers.create(
        {
            "email": "jenny@example.com",
            "name": "Jenny Rosen",
            "metadata": {"user_id": "u-1"},
            "address": {"city": "Berlin", "country": "DE"},
        }
    )
    assert made.id.startswith("cus_")
    assert made.address is not None
    assert made.address.to_dict() == {
        "city": "Berlin",
        "country": "DE",
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    changed = client.v1.customers.update(made.id, {"name": "Jenny", "address": "", "metadata": {"tier": "a"}})
    assert (changed.name, changed.email, changed.address) == ("Jenny", "jenny@example.com", None)
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"user_id": "u-1", "tier": "a"}

    assert client.v1.customers.delete(made.id).deleted is True

    assert client.v1.customers.retrieve(made.id).to_dict() == {
        "id": made.id,
        "object": "customer",
        "deleted": True,
    }
    assert made.id not in {each.id for each in client.v1.customers.list({"limit": 100}).data}
    with pytest.raises(sdk.InvalidRequestError):
        client.v1.customers.update(made.id, {"name": "Ghost"})
    with pytest.raises(sdk.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "customer": made.id})
    assert types_since(client, before) == ["customer.created", "customer.updated", "customer.deleted"]


def test_an_update_event_tells_the_old_values_of_what_changed(client: StripeClient) -> None:
    made = client.v1.customers.create({"name": "Jenny", "email": "jenny@example.com"})
    client.v1.customers.update(made.id, {"name": "Jen", "metadata": {"new": "1"}})
    event = client.v1.events.list({"type": "customer.updated", "limit": 1}).data[0]
    assert event.to_dict()["data"]["previous_attributes"] == {"name": "Jenny", "metadata": {"new": None}}


def test_an_email_that_is_none_is_refused(client: StripeClient) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.customers.create({"email": "jenny"})
    assert refusal.value.code == "email_invalid"


def test_a_saved_payment_method_pays_again_and_again(client: StripeClient) -> None:
    customer = client.v1.customers.create()
    before = latest_event(client)
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    assert saved.customer == customer.id
    assert types_since(client, before) == ["payment_method.attached"]
    assert [each.id for each in client.v1.customers.payment_methods.list(customer.id).data] == [saved.id]
    assert [each.id for each in client.v1.payment_methods.list({"customer": customer.id}).data] == [saved.id]
    for _ in range(2):
        assert pay(client, saved.id, customer=customer.id).status == "succeeded"


def test_a_payment_method_used_without_a_customer_pays_once(client: StripeClient) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert pay(client, method.id).status == "succeeded"
    with pytest.raises(sdk.InvalidRequestError, match="may not be used again"):
        pay(client, method.id)
    customer = client.v1.customers.create()
    with pytest.raises(sdk.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_a_detached_payment_method_is_of_no_more_use(client: StripeClient) -> None:
    customer = client.v1.customers.create()
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    assert client.v1.payment_methods.detach(saved.id).customer is None
    with pytest.raises(sdk.InvalidRequestError, match="not attached"):
        client.v1.payment_methods.detach(saved.id)
    with pytest.raises(sdk.InvalidRequestError, match="may not be used again"):
        pay(client, saved.id, customer=customer.id)


def test_somebody_elses_payment_method_pays_nothing(client: StripeClient) -> None:
    owner, other = client.v1.customers.create(), client.v1.customers.create()
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    with pytest.raises(sdk.InvalidRequestError, match="does not have a payment method"):
        pay(client, saved.id, customer=other.id)
    with pytest.raises(sdk.InvalidRequestError, match="you must provide the customer"):
        pay(client, saved.id)
    with pytest.raises(sdk.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(saved.id, {"customer": other.id})


def test_a_card_that_declines_is_refused_when_saved_but_for_the_one_that_declines_later(
    client: StripeClient,
) -> None:
    customer = client.v1.customers.create()
    with pytest.raises(sdk.CardError) as declined:
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    assert declined.value.code == "card_declined"
    later = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    with pytest.raises(sdk.CardError):
        pay(client, later.id, customer=customer.id)


def test_paying_with_setup_for_later_saves_the_card(client: StripeClient) -> None:
    customer = client.v1.customers.create()
    pay(client, customer=customer.id, setup_future_usage="off_session")
    [saved] = client.v1.customers.payment_methods.list(customer.id).data
    assert pay(client, saved.id, customer=customer.id, off_session=True).status == "succeeded"


def test_a_payment_method_can_be_changed(client: StripeClient) -> None:
    customer = client.v1.customers.create()
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    changed = client.v1.payment_methods.update(
        saved.id, {"billing_details": {"name": "Jenny"}, "card": {"exp_month": 3, "exp_year": 2041}}
    )
    assert changed.card is not None
    assert (changed.billing_details.name, changed.card.exp_month, changed.card.exp_year) == ("Jenny", 3, 2041)


def test_a_customer_can_be_created_with_a_payment_method(client: StripeClient) -> None:
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1


def test_customers_are_found_by_their_metadata(client: StripeClient) -> None:
    made = client.v1.customers.create({"metadata": {"user_id": "find-me"}, "email": "find@example.com"})
    for query in ("metadata['user_id']:'find-me'", "email:'FIND@example.com'"):
        assert [each.id for each in client.v1.customers.search({"query": query}).data] == [made.id]
