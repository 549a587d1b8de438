"""`/_simulator`: what customers and banks do."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.sandbox.simulator.context import Context
from service.sandbox.simulator.disputes.closing import (
    close_inquiry,
    escalate_inquiry,
    lose_dispute,
    win_dispute,
)
from service.sandbox.simulator.disputes.opening import open_dispute
from service.sandbox.simulator.errors import invalid_parameter, invalid_request
from service.sandbox.simulator.objects import Object
from service.sandbox.simulator.payment_intents.authentication import finish_authentication
from service.sandbox.simulator.refunds.refunding import fail_refund, require_action, succeed_refund
from service.sandbox.simulator.simulator import Simulator


class Authenticate(msgspec.Struct, forbid_unknown_fields=True):
    """How the challenge of 3-D Secure ends."""

    outcome: Literal["succeed", "fail"]


@post("/payment_intents/{key:str}/authenticate", status_code=200)
async def authenticate(
    simulator: NamedDependency[Simulator],
    request: Request[Any, Any, Any],
    key: FromPath[str],
    data: JSONBody[Authenticate],
) -> Object:
    """End the challenge of a PaymentIntent in `requires_action`; answers the PaymentIntent."""
    base_url = f"{request.url.scheme}://{request.url.netloc}"
    context, intent = simulator.locate("payment_intent", "payment_intents", key, base_url)
    finish_authentication(context, intent, passed=data.outcome == "succeed")
    return intent


@post("/settle", status_code=200)
async def settle(simulator: NamedDependency[Simulator]) -> Object:
    """Let everything that Stripe would do some time later happen now."""
    return {"settled": simulator.later.run_all()}


class OpenDispute(msgspec.Struct, forbid_unknown_fields=True):
    """A dispute: why, for how much (all if left out), and whether it only asks."""

    reason: str = "fraudulent"
    amount: int | None = None
    inquiry: bool = False


@post("/charges/{key:str}/dispute", status_code=200)
async def dispute_charge(
    simulator: NamedDependency[Simulator], key: FromPath[str], data: JSONBody[OpenDispute]
) -> Object:
    """Let the customer's bank dispute a paid charge; answers the dispute."""
    context, charge = simulator.locate("charge", "charges", key)
    if not charge["paid"] or not charge["captured"]:
        raise invalid_request(f"{key} has not been paid, so nobody disputes it.")
    if data.amount is not None and not 1 <= data.amount <= charge["amount"]:
        raise invalid_parameter("A dispute is about 1 up to the whole amount of its charge.", "amount")
    return open_dispute(context, charge, reason=data.reason, inquiry=data.inquiry, amount=data.amount)


class ResolveDispute(msgspec.Struct, forbid_unknown_fields=True):
    """What the bank decides."""

    outcome: Literal["win", "lose", "close_inquiry", "escalate"]


_OUTCOMES: dict[str, Callable[[Context, Object], None]] = {
    "win": win_dispute,
    "lose": lose_dispute,
    "close_inquiry": close_inquiry,
    "escalate": escalate_inquiry,
}


@post("/disputes/{key:str}", status_code=200)
async def resolve_dispute(
    simulator: NamedDependency[Simulator], key: FromPath[str], data: JSONBody[ResolveDispute]
) -> Object:
    """Let the bank decide about a dispute; answers it."""
    context, dispute = simulator.locate("dispute", "disputes", key)
    _OUTCOMES[data.outcome](context, dispute)
    return dispute


class MoveRefund(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of a refund, and why if it fails."""

    status: Literal["succeeded", "failed", "requires_action"]
    failure_reason: str = "unknown"


@post("/refunds/{key:str}", status_code=200)
async def move_refund(
    simulator: NamedDependency[Simulator], key: FromPath[str], data: JSONBody[MoveRefund]
) -> Object:
    """Let the bank report about a refund; answers it."""
    context, refund = simulator.locate("refund", "refunds", key)
    if data.status == "failed":
        fail_refund(context, refund, data.failure_reason)
    elif data.status == "succeeded":
        succeed_refund(context, refund)
    else:
        require_action(context, refund)
    return refund


WORLD_HANDLERS = (authenticate, settle, dispute_charge, resolve_dispute, move_refund)
