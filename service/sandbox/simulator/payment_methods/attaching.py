"""Payment methods saved to customers, and taken from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.cards import Card
from service.sandbox.simulator.errors import invalid_request
from service.sandbox.simulator.payment_methods.creating import card_error

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object


def attach_to_customer(context: Context, method: Object, customer_id: str) -> None:
    """Save it to the customer.

    Raises:
        StripeError: 402 if the card is declined when saved, 400 if it is another's or was used up.
    """
    instrument = context.account.instruments[method["id"]]
    if method["customer"] == customer_id:
        return
    if method["customer"] is not None:
        raise invalid_request("The payment method you provided has already been attached to a customer.")
    if instrument.spent:
        raise invalid_request(
            "This PaymentMethod was previously used without being attached to a Customer or was detached "
            "from a Customer, and may not be used again."
        )
    source = instrument.source
    if isinstance(source, Card) and source.decline is not None and not source.attaches:
        decline = source.decline
        raise card_error(decline.code, decline.message, decline.param, decline.decline_code)
    method["customer"] = customer_id
    context.emit("payment_method.attached", method)


def detach_from_customer(context: Context, method: Object, *, silently: bool = False) -> None:
    """Take it from its customer, for good.

    Raises:
        StripeError: 400 if it belongs to nobody.
    """
    if method["customer"] is None:
        raise invalid_request(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    previous = {"customer": method["customer"]}
    method["customer"] = None
    context.account.instruments[method["id"]].spent = True
    if not silently:
        context.emit("payment_method.detached", method, previous)
