"""The end of a 3-D Secure challenge, as the customer's bank reports it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from service.sandbox.simulator.context import copy_object
from service.sandbox.simulator.errors import StripeError, doc_url, unexpected_state
from service.sandbox.simulator.payment_intents.attempt import pay_with_card
from service.sandbox.simulator.payment_intents.outcomes import require_payment_method

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object

_CODE = "payment_intent_authentication_failure"
_MESSAGE = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
)


def finish_authentication(context: Context, intent: Object, *, passed: bool) -> str | None:
    """Go on with a PaymentIntent that waits for its customer.

    Args:
        context: The surroundings.
        intent: The PaymentIntent, in `requires_action`.
        passed: Whether the customer proved who they are.

    Returns:
        Where the customer is sent now, with what a page needs in the query; None without a return URL.

    Raises:
        StripeError: 400 if it waits for no customer.
    """
    if intent["status"] != "requires_action":
        raise unexpected_state(
            f"This PaymentIntent waits for no authentication, its status is {intent['status']}.",
            copy_object(intent),
        )
    return_url = context.account.return_urls.pop(intent["id"], None)
    method = context.account.payment_methods.get(intent["payment_method"])
    if method is None:
        raise LookupError(f"{intent['id']} names a payment method that does not exist")
    if not passed:
        error = {
            "code": _CODE,
            "doc_url": doc_url(_CODE),
            "message": _MESSAGE,
            "payment_method": copy_object(method),
            "type": "invalid_request_error",
        }
        require_payment_method(context, intent, error, latest_charge=intent["latest_charge"])
    elif intent["confirmation_method"] == "manual":
        context.account.authenticated.add(intent["id"])
        intent |= {"status": "requires_confirmation", "next_action": None}
    else:
        # A decline after the challenge is told by the PaymentIntent and its events, to nobody directly.
        with contextlib.suppress(StripeError):
            pay_with_card(context, intent, method, authenticated=True)
    return _returning(return_url, intent)


def _returning(return_url: str | None, intent: Object) -> str | None:
    if return_url is None:
        return None
    failed = intent["status"] == "requires_payment_method"
    query = urlencode(
        {
            "payment_intent": intent["id"],
            "payment_intent_client_secret": intent["client_secret"],
            "redirect_status": "failed" if failed else "succeeded",
        }
    )
    parts = urlsplit(return_url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))
