"""A payment method by what a caller may name it: its id, or a test name like `pm_card_visa`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.payment_methods.creating import create_from_name

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.routes import Call


def find_payment_method(call: Call, name: str, param: str = "payment_method") -> Object:
    """The PaymentMethod with this id; a test name makes a new one, as it does at Stripe.

    Raises:
        StripeError: 400 `resource_missing`.
    """
    return create_from_name(call.account, name) or call.find("PaymentMethod", "payment_methods", name, param)
