"""The shape of a Charge."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.cards import Card, Decline
from service.sandbox.simulator.ids import new_id, random_text

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.payment_methods.instruments import Instrument

_AUTHORIZATION_SECONDS = 7 * 24 * 3600


def new_charge(  # noqa: PLR0913 - what a charge is made from
    intent: Object,
    method: Object,
    instrument: Instrument,
    *,
    status: str,
    captured: bool,
    decline: Decline | None = None,
    authenticated: bool = False,
) -> Object:
    """A Charge for the amount of a PaymentIntent.

    Args:
        intent: The PaymentIntent.
        method: The PaymentMethod.
        instrument: What stands behind it.
        status: "succeeded", "pending" or "failed".
        captured: Whether the money is taken, or only set aside.
        decline: Why it failed.
        authenticated: Whether the customer passed 3-D Secure.
    """
    source = instrument.source
    charge_id = new_id("ch" if isinstance(source, Card) else "py")
    paid = status == "succeeded"
    suffix = intent["statement_descriptor_suffix"]
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid and captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": random_text(6).upper() if paid and isinstance(source, Card) else None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": f"TOPUP SANDBOX* {suffix}" if suffix else "TOPUP SANDBOX",
        "captured": captured and status != "failed",
        "created": int(time.time()),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": intent["livemode"],
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(source, decline, paid=paid) if status != "pending" else None,
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(
            intent, method, instrument, captured=captured, authenticated=authenticated
        ),
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{charge_id}" if paid else None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": suffix,
        "status": status,
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def set_failure(charge: Object, decline: Decline) -> None:
    """Turn a pending charge into a failed one."""
    charge |= {
        "status": "failed",
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": _outcome(None, decline, paid=False),
    }


def set_paid(charge: Object) -> None:
    """Turn a pending charge into a paid one."""
    charge |= {
        "status": "succeeded",
        "paid": True,
        "amount_captured": charge["amount"],
        "outcome": _outcome(None, None, paid=True),
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{charge['id']}",
    }


def _outcome(source: object, decline: Decline | None, *, paid: bool) -> Object:
    risk = source.risk_level if isinstance(source, Card) else "not_assessed"
    score = {"normal": 20, "elevated": 67, "highest": 92}.get(risk)
    outcome: Object = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": risk,
        "risk_score": score,
        "rule": None,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if paid or decline is None:
        return outcome
    if decline.blocked:
        return outcome | {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return outcome | {
        "advice_code": "try_again_later",
        "network_decline_code": "01",
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _details(
    intent: Object, method: Object, instrument: Instrument, *, captured: bool, authenticated: bool
) -> Object:
    kind = method["type"]
    if kind != "card":
        shown = {name: value for name, value in method[kind].items() if name in _BANK_FIELDS[kind]}
        extra = {"expected_debit_date": None, "mandate": instrument.mandate}
        if kind == "us_bank_account":
            extra["payment_reference"] = None
        return {"type": kind, kind: shown | extra}
    card, available = method["card"], {"status": "unavailable"}
    kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    details: Object = {name: card[name] for name in kept} | {
        "amount_authorized": intent["amount"],
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": available,
        "installments": None,
        "mandate": None,
        "multicapture": available,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": random_text(15),
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": _authenticated() if authenticated else None,
        "wallet": None,
    }
    if not captured:
        details["capture_before"] = int(time.time()) + _AUTHORIZATION_SECONDS
    return {"card": dict(sorted(details.items())), "type": "card"}


_BANK_FIELDS = {
    "us_bank_account": (
        "account_holder_type",
        "account_type",
        "bank_name",
        "fingerprint",
        "last4",
        "routing_number",
    ),
    "sepa_debit": ("bank_code", "branch_code", "country", "fingerprint", "last4"),
}


def _authenticated() -> Object:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "exemption_indicator_applied": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": random_text(20),
        "version": "2.2.0",
    }
