"""The shape of a Dispute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stripe.params._dispute_update_params import DisputeUpdateParamsEvidence

from service.sandbox.simulator.ids import new_id

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_RESPONSE_SECONDS = 9 * 24 * 3600
_NETWORK_REASON = {"fraudulent": "10.4", "product_not_received": "13.1"}
_STRUCTURED = frozenset({"appeal", "enhanced_evidence"})
EVIDENCE = frozenset(DisputeUpdateParamsEvidence.__annotations__) - _STRUCTURED
"""Evidence that is plain text here: all but appeals and what only one network's rules ask for."""


def new_dispute(charge: Object, amount: int, reason: str, *, inquiry: bool) -> Object:
    """A Dispute of part of a charge; an inquiry is a question of the bank that moves no money yet."""
    now = int(time.time())
    details = charge["payment_method_details"]
    brand = details["card"]["brand"] if details["type"] == "card" else None
    network_reason = _NETWORK_REASON.get(reason) if brand else None
    dispute: Object = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(sorted(EVIDENCE)) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + _RESPONSE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": charge["livemode"],
        "metadata": {},
        "network_reason_code": network_reason,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None,
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    if brand:
        dispute["payment_method_details"] = {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": brand,
                "network_reason_code": network_reason,
            },
            "type": "card",
        }
    return dispute
