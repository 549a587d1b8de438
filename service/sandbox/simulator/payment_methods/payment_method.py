"""The shape of a PaymentMethod."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.cards import Card
from service.sandbox.simulator.fields import check_metadata, full_address
from service.sandbox.simulator.ids import new_id

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.payment_methods.bank_table import BankAccount


def new_payment_method(source: Card | BankAccount, params: Object, *, livemode: bool) -> Object:
    """A PaymentMethod of this card or account.

    Args:
        source: What it stands for.
        params: `billing_details`, `metadata`, `allow_redisplay` and a card's expiry, where sent.
        livemode: The mode.
    """
    kind = "card" if isinstance(source, Card) else source.kind
    method: Object = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": params.get("allow_redisplay", "unspecified"),
        "billing_details": full_billing_details(params.get("billing_details", {})),
        "created": int(time.time()),
        "customer": None,
        "customer_account": None,
        "livemode": livemode,
        "metadata": check_metadata(params.get("metadata", {})),
        "radar_options": {},
        "type": kind,
    }
    details = _card(source, params) if isinstance(source, Card) else _bank(source)
    return dict(
        sorted((method | {kind: details}).items(), key=lambda item: (item[0] not in {"id", "object"}, item))
    )


def full_billing_details(details: Object) -> Object:
    """Billing details with all their fields."""
    names = ("email", "name", "phone", "tax_id")
    address = full_address(details.get("address") or {})
    return {"address": address} | {name: details.get(name) or None for name in names}


def _card(card: Card, params: Object) -> Object:
    now = time.gmtime()
    form = params.get("card", {})
    checked = {"cvc_check": "pass" if form.get("cvc") else None}
    address = (params.get("billing_details", {}) or {}).get("address") or {}
    checked["address_line1_check"] = "pass" if address.get("line1") else None
    checked["address_postal_code_check"] = "pass" if address.get("postal_code") else None
    return {
        "brand": card.brand,
        "checks": dict(sorted((checked | dict(card.checks)).items())),
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": form.get("exp_month", now.tm_mon),
        "exp_year": form.get("exp_year", now.tm_year + 1),
        "fingerprint": fingerprint(card.number),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.three_d_secure != "not_supported"},
        "wallet": None,
    }


def _bank(account: BankAccount) -> Object:
    if account.kind == "us_bank_account":
        return {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "fingerprint": fingerprint(account.number),
            "last4": account.last4,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        }
    return {
        "bank_code": account.number[4:9],
        "branch_code": "",
        "country": account.number[:2],
        "fingerprint": fingerprint(account.number),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.last4,
    }


def fingerprint(number: str) -> str:
    """The same sixteen characters for the same number."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]
