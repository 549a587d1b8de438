"""The three calls behind create-payment-intent, made one by one without the service."""

from __future__ import annotations

import json
import uuid
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from service.sandbox.simulator.events.record import API_VERSION
from tests.bench.ground import UnprovedError
from tests.bench.purchases import PACKAGE
from tests.bench.wires import http_request, to_http

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.ground import Ground
    from tests.bench.load import Wire


async def time_calls(ground: Ground, users: Sequence[str], count: int) -> float:
    """The sum of the three medians, in seconds: opened, created at Stripe, tied together."""
    supabase = await to_http(ground.stack.supabase.url)()
    stripe = await to_http(ground.stack.simulator.url)()
    customers = dict(
        ground.admin.execute(
            "select user_id::text, stripe_customer_id from credits.stripe_customers"
        ).fetchall()
    )
    taken: tuple[list[float], ...] = ([], [], [])
    for number in range(count):
        user_id = users[number % len(users)]
        opening = {
            "user_id": user_id,
            "package_id": PACKAGE,
            "livemode": False,
            "idempotency_key": str(uuid.uuid4()),
        }
        opened = await _answer(supabase, _rpc(ground, "open_credit_purchase", opening), taken[0])
        ids = {"transaction_id": opened["transaction_id"], "user_id": user_id}
        created = await _answer(stripe, _create(ground, customers[user_id], ids), taken[1])
        tie = {"transaction_id": opened["transaction_id"], "payment_intent_id": created["id"]}
        await _answer(supabase, _rpc(ground, "attach_payment_intent", tie), taken[2])
    for wire in (supabase, stripe):
        wire.close()
    return sum(median(each) for each in taken)


def _rpc(ground: Ground, function: str, arguments: Mapping[str, Any]) -> bytes:
    headers = {"apikey": ground.stack.supabase.secret_key, "Content-Type": "application/json"}
    return http_request("POST", f"/rest/v1/rpc/{function}", headers, json.dumps(arguments).encode())


def _create(ground: Ground, customer: str, ids: Mapping[str, str]) -> bytes:
    params = {
        "amount": 1500,
        "currency": "usd",
        "description": "Medium Package purchase",
        "customer": customer,
        "automatic_payment_methods[enabled]": "true",
        **{f"metadata[{key}]": value for key, value in ids.items()},
    }
    headers = {
        "Authorization": f"Bearer {ground.stack.simulator.secret_key}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": ids["transaction_id"],
        "Stripe-Version": API_VERSION,
    }
    return http_request("POST", "/v1/payment_intents", headers, urlencode(params).encode())


async def _answer(wire: Wire, request: bytes, taken: list[float]) -> dict[str, Any]:
    answer = await wire.answer_of(request)
    if not answer.ok:
        raise UnprovedError(f"a call of create-payment-intent is refused: {answer.status} {answer.body!r}")
    taken.append(answer.seconds)
    found: dict[str, Any] = json.loads(answer.body)
    return found
