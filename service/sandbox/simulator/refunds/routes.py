"""The operations on refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import (
    RefundCancelParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
    RefundUpdateParams,
)

from service.sandbox.simulator.errors import invalid_parameter, invalid_request
from service.sandbox.simulator.fields import set_metadata
from service.sandbox.simulator.listing import list_route
from service.sandbox.simulator.lists import list_page
from service.sandbox.simulator.refunds.refunding import cancel_refund, refund_charge
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.objects import Object

_MANY = 100


def list_refunds_of(account: Account, charge_id: str) -> Object:
    """The refunds of a charge, as the charge shows them when expanded."""
    return list_page(
        account.refunds,
        {"limit": _MANY},
        kind="refund",
        wanted=lambda refund: bool(refund["charge"] == charge_id),
        render=dict,
        url=f"/v1/charges/{charge_id}/refunds",
    )


def _create(call: Call) -> Object:
    return refund_charge(call.context, _charge_of(call), call.params)


def _charge_of(call: Call) -> Object:
    charge_id, intent_id = call.params.get("charge"), call.params.get("payment_intent")
    if intent_id is not None:
        intent = call.find("payment_intent", "payment_intents", intent_id, "payment_intent")
        if charge_id is not None and intent["latest_charge"] != charge_id:
            raise invalid_parameter(
                f"The charge {charge_id} is not the charge of {intent_id}; send one of them.", "charge"
            )
        charge_id = intent["latest_charge"]
        if intent["status"] != "succeeded":
            raise invalid_request(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
            )
    if charge_id is None:
        raise invalid_parameter(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    return call.find("charge", "charges", charge_id, "charge")


def _retrieve(call: Call) -> Object:
    return call.find("refund", "refunds")


def _update(call: Call) -> Object:
    refund = call.find("refund", "refunds")
    previous = set_metadata(refund, call.params)
    call.context.emit("refund.updated", refund, previous)
    call.context.emit("charge.refund.updated", refund, previous)
    return refund


def _cancel(call: Call) -> Object:
    refund = call.find("refund", "refunds")
    cancel_refund(call.context, refund)
    return refund


ROUTES = (
    Route(
        "POST",
        "/v1/refunds",
        RefundCreateParams,
        "refund",
        _create,
        honours=frozenset({"amount", "charge", "metadata", "payment_intent", "reason"}),
    ),
    list_route("refunds", RefundListParams, "refund", "charge", "created", "payment_intent"),
    Route("GET", "/v1/refunds/{id}", RefundRetrieveParams, "refund", _retrieve),
    Route("POST", "/v1/refunds/{id}", RefundUpdateParams, "refund", _update, honours=frozenset({"metadata"})),
    Route("POST", "/v1/refunds/{id}/cancel", RefundCancelParams, "refund", _cancel),
)
