"""The shape of a PaymentIntent, and which payment methods it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.errors import invalid_parameter
from service.sandbox.simulator.fields import check_email, check_metadata, full_shipping
from service.sandbox.simulator.ids import new_id, random_text
from service.sandbox.simulator.money import check_amount, check_currency
from service.sandbox.simulator.payment_methods.bank_table import CURRENCY

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
"""The statuses in which a PaymentIntent has not begun to move money."""

_CONFIGURATION = {"id": "pmc_1TopupSandboxDefault0001", "parent": None}


def new_intent(params: Object, *, livemode: bool) -> Object:
    """A PaymentIntent without a payment method.

    Raises:
        StripeError: 400 for an amount, a currency or a combination that Stripe refuses.
    """
    currency = check_currency(params["currency"])
    automatic = _automatic_payment_methods(params)
    intent: Object = {
        "id": new_id("pi"),
        "object": "payment_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": check_amount(params["amount"], currency),
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": None,
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": int(time.time()),
        "currency": currency,
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": params.get("excluded_payment_method_types") or None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": livemode,
        "metadata": check_metadata(params.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": None,
        "payment_method": None,
        "payment_method_configuration_details": _CONFIGURATION if automatic else None,
        "payment_method_options": {},
        "payment_method_types": [],
        "presentment_details": None,
        "processing": None,
        "receipt_email": check_email(params.get("receipt_email"), "receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": full_shipping(params.get("shipping")),
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": check_suffix(params.get("statement_descriptor_suffix")),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": params.get("transfer_group"),
    }
    intent["client_secret"] = f"{intent['id']}_secret_{random_text(25)}"
    set_payment_method_types(intent)
    return intent


def set_payment_method_types(intent: Object) -> None:
    """Derive from the other fields which payment methods it takes, and with which options.

    Raises:
        StripeError: 400 if none is left.
    """
    kinds = ["card"]
    if intent["automatic_payment_methods"]:
        kinds += [kind for kind, currency in CURRENCY.items() if currency == intent["currency"]]
    allowed, excluded = intent["allowed_payment_method_types"], intent["excluded_payment_method_types"] or []
    kinds = [k for k in kinds if k not in excluded and (allowed is None or k in allowed)]
    if not kinds:
        raise invalid_parameter(
            "No valid payment method types for this Payment Intent. Please ensure that you have activated "
            "payment methods compatible with your chosen currency.",
            "allowed_payment_method_types" if allowed else "excluded_payment_method_types",
        )
    card = intent["payment_method_options"].get("card", {})
    options: Object = {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": card.get("request_three_d_secure", "automatic"),
        },
        "sepa_debit": {},
        "us_bank_account": {"verification_method": "automatic"},
    }
    intent["payment_method_types"] = kinds
    intent["payment_method_options"] = {kind: options[kind] for kind in sorted(kinds)}


def set_payment_method_options(intent: Object, params: Object) -> None:
    """Take over `payment_method_options[card][request_three_d_secure]`."""
    requested = params.get("payment_method_options", {}).get("card", {}).get("request_three_d_secure")
    if requested is not None and "card" in intent["payment_method_options"]:
        intent["payment_method_options"]["card"]["request_three_d_secure"] = requested


def check_suffix(suffix: str | None) -> str | None:
    r"""The end of what stands on the customer's statement.

    Raises:
        StripeError: 400 beyond 22 characters or with one of `<>\\'"*`.
    """
    if suffix and (len(suffix) > 22 or set(suffix) & set("<>\\'\"*")):  # noqa: PLR2004 - the card networks' limit
        raise invalid_parameter(
            "The statement descriptor suffix must be at most 22 characters and must not contain <>\\'\"*.",
            "statement_descriptor_suffix",
        )
    return suffix or None


def browser_view(intent: Object) -> Object:
    """What a publishable key may see of it."""
    return {name: intent[name] for name in intent if name in _SEEN_IN_BROWSERS}


_SEEN_IN_BROWSERS = frozenset(
    {
        "id",
        "object",
        "amount",
        "amount_details",
        "automatic_payment_methods",
        "canceled_at",
        "cancellation_reason",
        "capture_method",
        "client_secret",
        "confirmation_method",
        "created",
        "currency",
        "description",
        "last_payment_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_configuration_details",
        "payment_method_types",
        "processing",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "source",
        "status",
    }
)


def _automatic_payment_methods(params: Object) -> Object | None:
    chosen = params.get("automatic_payment_methods")
    if chosen is not None and chosen["enabled"] and "confirmation_method" in params:
        raise invalid_parameter(
            "You may only specify one of these parameters: automatic_payment_methods, confirmation_method.",
            "confirmation_method",
            "parameters_exclusive",
        )
    if chosen is None:
        return None if "confirmation_method" in params else {"allow_redirects": "always", "enabled": True}
    if not chosen["enabled"]:
        return None
    return {"allow_redirects": chosen.get("allow_redirects", "always"), "enabled": True}
