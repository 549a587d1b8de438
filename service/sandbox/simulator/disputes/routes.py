"""The operations on disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import (
    DisputeCloseParams,
    DisputeListParams,
    DisputeRetrieveParams,
    DisputeUpdateParams,
)

from service.sandbox.simulator.disputes.closing import (
    INQUIRING,
    OPEN,
    close_dispute,
    close_inquiry,
    escalate_inquiry,
    lose_dispute,
    win_dispute,
)
from service.sandbox.simulator.disputes.dispute import EVIDENCE
from service.sandbox.simulator.errors import invalid_request
from service.sandbox.simulator.fields import set_fields, set_metadata
from service.sandbox.simulator.listing import list_route
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object

_VERDICTS: dict[tuple[str, bool], Callable[[Context, Object], None]] = {
    ("winning_evidence", False): win_dispute,
    ("losing_evidence", False): lose_dispute,
    ("winning_evidence", True): close_inquiry,
    ("losing_evidence", True): close_inquiry,
    ("escalate_inquiry_evidence", True): escalate_inquiry,
}
"""What the test texts in `uncategorized_text` lead to, for disputes and for inquiries (docs: Testing)."""


def _retrieve(call: Call) -> Object:
    return call.find("dispute", "disputes")


def _update(call: Call) -> Object:
    dispute, params = call.find("dispute", "disputes"), call.params
    inquiry = dispute["status"] in INQUIRING
    if not inquiry and dispute["status"] not in OPEN:
        raise invalid_request(f"This dispute is already {dispute['status']} and cannot be updated.")
    previous = set_metadata(dispute, params)
    if "evidence" in params:
        changed = set_fields(dispute["evidence"], params["evidence"], sorted(EVIDENCE))
        previous |= {"evidence": changed} if changed else {}
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"][name] for name in EVIDENCE)
        if params.get("submit", True):
            previous |= {"status": dispute["status"]}
            dispute["status"] = "warning_under_review" if inquiry else "under_review"
            dispute["evidence_details"]["submission_count"] += 1
            dispute["evidence_details"]["submission_method"] = "manual"
            verdict = _VERDICTS.get((dispute["evidence"]["uncategorized_text"], inquiry))
            if verdict is not None:
                call.context.plan(lambda later: verdict(later, dispute))
    call.context.emit("charge.dispute.updated", dispute, previous)
    return dispute


def _close(call: Call) -> Object:
    dispute = call.find("dispute", "disputes")
    close_dispute(call.context, dispute)
    return dispute


ROUTES = (
    list_route("disputes", DisputeListParams, "dispute", "charge", "created", "payment_intent"),
    Route("GET", "/v1/disputes/{id}", DisputeRetrieveParams, "dispute", _retrieve),
    Route(
        "POST",
        "/v1/disputes/{id}",
        DisputeUpdateParams,
        "dispute",
        _update,
        honours=frozenset({"metadata", "submit", *(f"evidence.{name}" for name in EVIDENCE)}),
    ),
    Route("POST", "/v1/disputes/{id}/close", DisputeCloseParams, "dispute", _close),
)
