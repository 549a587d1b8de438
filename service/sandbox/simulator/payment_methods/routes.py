"""The operations on payment methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import (
    PaymentMethodAttachParams,
    PaymentMethodCreateParams,
    PaymentMethodDetachParams,
    PaymentMethodListParams,
    PaymentMethodRetrieveParams,
    PaymentMethodUpdateParams,
)

from service.sandbox.simulator.errors import missing_parameter
from service.sandbox.simulator.fields import set_fields, set_metadata
from service.sandbox.simulator.listing import list_filtered
from service.sandbox.simulator.lists import PAGING
from service.sandbox.simulator.payment_methods.attaching import attach_to_customer, detach_from_customer
from service.sandbox.simulator.payment_methods.creating import create_from_form
from service.sandbox.simulator.payment_methods.lookup import find_payment_method
from service.sandbox.simulator.payment_methods.payment_method import full_billing_details
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

CREATED_FROM = frozenset(
    {
        "allow_redisplay",
        "billing_details",
        "card.cvc",
        "card.exp_month",
        "card.exp_year",
        "card.number",
        "card.token",
        "metadata",
        "sepa_debit.iban",
        "type",
    }
)
"""What is read out of a form with payment details, here and in a PaymentIntent's `payment_method_data`."""


def _create(call: Call) -> Object:
    return create_from_form(call.account, call.params)


def _retrieve(call: Call) -> Object:
    return call.find("PaymentMethod", "payment_methods")


def _update(call: Call) -> Object:
    method, params = call.find("PaymentMethod", "payment_methods"), dict(call.params)
    if "billing_details" in params:
        merged = method["billing_details"] | params["billing_details"]
        params["billing_details"] = full_billing_details(merged)
    previous = set_metadata(method, params) | set_fields(
        method, params, ("allow_redisplay", "billing_details")
    )
    if "card" in params and method["type"] == "card":
        changed = set_fields(method["card"], params["card"], ("exp_month", "exp_year"))
        previous |= {"card": changed} if changed else {}
    call.context.emit("payment_method.updated", method, previous)
    return method


def _attach(call: Call) -> Object:
    if "customer" not in call.params:
        raise missing_parameter("customer")
    customer = call.find("customer", "customers", call.params["customer"], "customer")
    method = find_payment_method(call, call.key, "payment_method")
    attach_to_customer(call.context, method, customer["id"])
    return method


def _detach(call: Call) -> Object:
    method = call.find("PaymentMethod", "payment_methods")
    detach_from_customer(call.context, method)
    return method


def _list(call: Call) -> Object:
    if "customer" in call.params:
        call.find("customer", "customers", call.params["customer"], "customer")
    return list_filtered(call, "payment_methods", "payment_method", "customer", "type")


ROUTES = (
    Route(
        "POST",
        "/v1/payment_methods",
        PaymentMethodCreateParams,
        "payment_method",
        _create,
        honours=CREATED_FROM,
        browser=frozenset({"allow_redisplay", "billing_details", "card", "metadata", "sepa_debit", "type"}),
    ),
    Route(
        "GET",
        "/v1/payment_methods",
        PaymentMethodListParams,
        "payment_method",
        _list,
        honours=PAGING | {"customer", "type"},
        listed=True,
    ),
    Route("GET", "/v1/payment_methods/{id}", PaymentMethodRetrieveParams, "payment_method", _retrieve),
    Route(
        "POST",
        "/v1/payment_methods/{id}",
        PaymentMethodUpdateParams,
        "payment_method",
        _update,
        honours=frozenset(
            {"allow_redisplay", "billing_details", "card.exp_month", "card.exp_year", "metadata"}
        ),
    ),
    Route(
        "POST",
        "/v1/payment_methods/{id}/attach",
        PaymentMethodAttachParams,
        "payment_method",
        _attach,
        honours=frozenset({"customer"}),
    ),
    Route("POST", "/v1/payment_methods/{id}/detach", PaymentMethodDetachParams, "payment_method", _detach),
)
