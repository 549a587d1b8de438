"""Changing a PaymentIntent before it moves money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.context import copy_object
from service.sandbox.simulator.errors import unexpected_state
from service.sandbox.simulator.fields import check_email, full_shipping, set_fields, set_metadata
from service.sandbox.simulator.money import check_amount, check_currency
from service.sandbox.simulator.payment_intents.confirm import chosen_payment_method
from service.sandbox.simulator.payment_intents.intent import (
    CHANGEABLE,
    check_suffix,
    set_payment_method_options,
    set_payment_method_types,
)

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.routes import Call

_FIXED_BY_PAYING = (
    "amount",
    "capture_method",
    "currency",
    "customer",
    "payment_method",
    "payment_method_data",
    "payment_method_options",
    "setup_future_usage",
)


def update_intent(call: Call, intent: Object) -> None:
    """Write the parameters into the PaymentIntent; all of them, or none if one is refused.

    Raises:
        StripeError: 400 for values that Stripe refuses, or fields that its status no longer lets change.
    """
    params = dict(call.params)
    for name in _FIXED_BY_PAYING:
        if name in params and intent["status"] not in CHANGEABLE:
            raise unexpected_state(
                f"This PaymentIntent's {name} could not be updated because it has a status of "
                f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the "
                f"following statuses: {', '.join(CHANGEABLE)}.",
                copy_object(intent),
            )
    if "customer" in params:
        call.find("customer", "customers", params["customer"], "customer")
    changed = copy_object(intent)
    if "currency" in params:
        changed["currency"] = check_currency(params["currency"])
    if "amount" in params or "currency" in params:
        amount = params["amount"] if "amount" in params else intent["amount"]
        changed["amount"] = check_amount(amount, changed["currency"])
    if "receipt_email" in params:
        params["receipt_email"] = check_email(params["receipt_email"], "receipt_email")
    if "shipping" in params:
        params["shipping"] = full_shipping(params["shipping"])
    if "statement_descriptor_suffix" in params:
        params["statement_descriptor_suffix"] = check_suffix(params["statement_descriptor_suffix"])
    set_fields(
        changed,
        params,
        (
            "capture_method",
            "customer",
            "description",
            "receipt_email",
            "setup_future_usage",
            "shipping",
            "statement_descriptor_suffix",
            "transfer_group",
        ),
    )
    set_metadata(changed, params)
    set_payment_method_types(changed)
    set_payment_method_options(changed, params)
    method = chosen_payment_method(call, changed)
    if method is not None and method["id"] != intent["payment_method"]:
        changed |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}
    intent |= changed
