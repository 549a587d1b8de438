"""The shape of a Refund."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.fields import check_metadata
from service.sandbox.simulator.ids import new_id, random_text

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_BANK_TRANSFER = {"us_bank_account": "us_bank_transfer", "sepa_debit": "eu_bank_transfer"}


def new_refund(charge: Object, amount: int, status: str, params: Object) -> Object:
    """A Refund of part of a charge.

    Args:
        charge: The charge.
        amount: How much, in minor units.
        status: "pending" or "succeeded".
        params: `metadata` and `reason`, where sent.
    """
    kind = charge["payment_method_details"]["type"]
    if kind == "card":
        reference: Object = {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
        destination: Object = {"card": reference, "type": "card"}
    else:
        transfer = _BANK_TRANSFER[kind]
        destination = {transfer: {"reference": None, "reference_status": "pending"}, "type": transfer}
    refund: Object = {
        "id": new_id("re" if kind == "card" else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": int(time.time()),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": destination,
        "metadata": check_metadata(params.get("metadata", {})),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    if status == "pending":
        refund["pending_reason"] = "processing"
    return refund


def set_reference(refund: Object) -> Object:
    """The bank named its reference of the refund, by which the customer can ask for it.

    Returns:
        The `previous_attributes`.
    """
    details = refund["destination_details"]
    kind = details["type"]
    previous = {"destination_details": {kind: dict(details[kind])}}
    details[kind] |= {"reference": random_text(23).upper(), "reference_status": "available"}
    return previous
