"""Confirming: the customer has decided to pay."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.sandbox.simulator.context import copy_object
from service.sandbox.simulator.errors import invalid_parameter, invalid_request, unexpected_state
from service.sandbox.simulator.fields import check_email, full_shipping
from service.sandbox.simulator.payment_intents.attempt import Attempt, attempt_payment
from service.sandbox.simulator.payment_intents.intent import set_payment_method_options
from service.sandbox.simulator.payment_methods.creating import create_from_form
from service.sandbox.simulator.payment_methods.lookup import find_payment_method

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.routes import Call

ONLY_WITH_CONFIRM = (
    "error_on_requires_action",
    "mandate_data",
    "off_session",
    "return_url",
    "use_stripe_sdk",
)
"""Parameters of creation that say how to confirm, so they need `confirm`."""

_WHY_NOT = {
    "succeeded": "it has already succeeded after being previously confirmed",
    "processing": "it is currently processing after being previously confirmed",
    "requires_capture": "it has already been confirmed and waits for its capture",
    "canceled": "it has a status of canceled",
}


def confirm_intent(call: Call, intent: Object) -> None:
    """Pay the PaymentIntent with the payment method that it has or that was sent along.

    Raises:
        StripeError: 402 if declined, 400 if it cannot be confirmed.
    """
    params = call.params
    reason = _WHY_NOT.get(intent["status"])
    if reason is not None:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because {reason}.", copy_object(intent)
        )
    if call.publishable and intent["confirmation_method"] == "manual":
        raise invalid_request(
            "This PaymentIntent's confirmation_method is manual, so it can only be confirmed with a "
            "secret key.",
            code="payment_intent_invalid_parameter",
        )
    method = chosen_payment_method(call, intent)
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it "
            "again directly with a payment method or ConfirmationToken.",
            copy_object(intent),
        )
    check_return_url(intent, params)
    receipt_email = check_email(params.get("receipt_email", intent["receipt_email"]), "receipt_email")
    set_payment_method_options(intent, params)
    if "capture_method" in params:
        intent["capture_method"] = params["capture_method"]
    intent["receipt_email"] = receipt_email
    if "setup_future_usage" in params:
        intent["setup_future_usage"] = params["setup_future_usage"] or None
    if "shipping" in params:
        intent["shipping"] = full_shipping(params["shipping"])
    authenticated = intent["id"] in call.account.authenticated and intent["payment_method"] == method["id"]
    call.account.authenticated.discard(intent["id"])
    attempt = Attempt(
        return_url=params.get("return_url"),
        uses_sdk=params.get("use_stripe_sdk", False),
        off_session=params.get("off_session", False) is not False,
        no_action=params.get("error_on_requires_action", False),
        # Stripe.js shows the terms of a debit itself, and sends the customer's consent.
        has_mandate=bool(params.get("mandate_data")) or call.publishable,
        authenticated=authenticated,
    )
    attempt_payment(call.context, intent, method, attempt)


def chosen_payment_method(call: Call, intent: Object) -> Object | None:
    """The payment method that was sent, or the one that the PaymentIntent has.

    Raises:
        StripeError: 400 if it cannot pay this PaymentIntent.
    """
    params = call.params
    if "payment_method" in params and "payment_method_data" in params:
        raise invalid_parameter(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            "payment_method",
            "parameters_exclusive",
        )
    if "payment_method" in params:
        method = find_payment_method(call, params["payment_method"])
    elif "payment_method_data" in params:
        method = create_from_form(call.account, params["payment_method_data"], "payment_method_data")
    elif intent["payment_method"] is not None:
        method = find_payment_method(call, intent["payment_method"])
    else:
        return None
    _check_usable(call, intent, method)
    return method


def _check_usable(call: Call, intent: Object, method: Object) -> None:
    owner, customer = method["customer"], intent["customer"]
    if owner is not None and customer is None:
        raise invalid_request(
            "The payment method you provided is attached to a customer so for security purposes you must "
            "provide the customer in the request."
        )
    if owner not in {None, customer}:
        raise invalid_request(
            f"The customer does not have a payment method with the ID {method['id']}. The payment method "
            "must be attached to the customer.",
            param="payment_method",
        )
    if call.account.instruments[method["id"]].spent and owner is None:
        raise invalid_request(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was detached "
            "from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must "
            "attach it to a Customer first."
        )
    if method["type"] not in intent["payment_method_types"]:
        raise invalid_request(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please "
            "attach a PaymentMethod of one of the following types: "
            f"{', '.join(intent['payment_method_types'])}.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )


def check_return_url(intent: Object, params: Object) -> None:
    """See to it that a customer who is sent to their bank can come back.

    Raises:
        StripeError: 400 without a `return_url` where payment methods may redirect, or for one that is no URL.
    """
    return_url = params.get("return_url")
    if return_url is not None:
        parts = urlsplit(return_url)
        if not parts.scheme or not (parts.netloc or parts.path):
            raise invalid_parameter("Not a valid URL", "return_url", "url_invalid")
    automatic = intent["automatic_payment_methods"]
    if (
        return_url is None
        and automatic is not None
        and automatic["allow_redirects"] == "always"
        and not params.get("use_stripe_sdk", False)
        and not params.get("error_on_requires_action", False)
        and not params.get("off_session", False)
    ):
        raise invalid_request(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, you "
            "must provide a `return_url`. If you don't want to accept redirect-based payment methods, set "
            "`automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents."
        )
