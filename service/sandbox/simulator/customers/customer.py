"""The shape of a Customer."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.fields import check_email, check_metadata, full_address, full_shipping
from service.sandbox.simulator.ids import short_id

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

PLAIN_FIELDS = (
    "business_name",
    "description",
    "individual_name",
    "name",
    "phone",
    "preferred_locales",
    "tax_exempt",
)


def new_customer(params: Object, *, livemode: bool) -> Object:
    """A Customer as it is created from these parameters."""
    return {
        "id": short_id("cus"),
        "object": "customer",
        "address": full_address(params.get("address")),
        "balance": 0,
        "business_name": params.get("business_name") or None,
        "created": int(time.time()),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "discount": None,
        "email": check_email(params.get("email")),
        "individual_name": params.get("individual_name") or None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": livemode,
        "metadata": check_metadata(params.get("metadata", {})),
        "name": params.get("name"),
        "next_invoice_sequence": 1,
        "phone": params.get("phone"),
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": full_shipping(params.get("shipping")),
        "tax_exempt": params.get("tax_exempt") or "none",
        "test_clock": None,
    }
