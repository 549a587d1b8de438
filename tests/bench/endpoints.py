"""The endpoints of users: create-payment-intent and the reads, beside the calls that each of them makes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, milliseconds, per_second
from tests.bench.ground import UnprovedError
from tests.bench.load import Run, closed_loop
from tests.bench.purchase_calls import time_calls
from tests.bench.purchases import PACKAGE
from tests.bench.servers import OURS, start_server
from tests.bench.wires import http_request, to_http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.bench.ground import Ground
    from tests.bench.load import Wire

CONNECTIONS: Final = 16
_USERS: Final = 50
_MOST_PER_SECOND: Final = 2000

BUY: Final = "POST create-payment-intent"

OBJECT, ARRAY = "application/vnd.pgrst.object+json", "application/json"

_HISTORY: Final = (
    "credit_transactions?select=id,amount,creditAmount:credits,status,createdAt:created_at_iso,description"
    "&order=created_at.desc,id.desc&limit=1000"
)
_PACKAGES: Final = (
    "credit_packages?select=id,name,description,amount,creditAmount:credits,isActive:is_active"
    "&is_active=eq.true&order=sort_order,name"
)

READS: Final = {
    "balance": ("credit_balance?select=balance,currency", OBJECT),
    "payment-history": (_HISTORY, ARRAY),
    "credit-packages": (_PACKAGES, ARRAY),
}
"""The reads, and the request to PostgREST that each of them makes."""


@dataclass
class Visit:
    """Requests in turn, for so long, all of them answered with 2xx."""

    connect: Callable[[], Awaitable[Wire]]
    seconds: float

    async def run(self, what: str, requests: Sequence[bytes], connections: int = 1) -> Run:
        """Keep so many connections busy; `UnprovedError` if a request is refused."""
        repeated = list(islice(cycle(requests), int(_MOST_PER_SECOND * self.seconds) + connections))
        run = await closed_loop(self.connect, repeated, connections, self.seconds)
        if run.refused:
            raise UnprovedError(f"{what}: {run.refused.total()} were refused ({dict(run.refused)}).")
        return run


async def measure_endpoints(ground: Ground) -> list[Figure]:
    """Requests a second and p99 at 16 connections; alone, what each adds to the calls that it makes."""
    figures: list[Figure] = []
    tokens = {user_id: ground.sign_in(user_id) for user_id in ground.users[:_USERS]}
    bearers = [{"Authorization": f"Bearer {token}"} for token in tokens.values()]
    with start_server(OURS, ground.settings, ground.logs / "ours.log", probe="/health/ready") as server:
        ours = Visit(to_http(server.url), ground.seconds / 2)
        supabase = Visit(to_http(ground.stack.supabase.url), ground.seconds / 2)
        for name, (query, accept) in READS.items():
            through = [http_request("GET", f"/api/stripe/{name}", bearer) for bearer in bearers]
            straight = [
                http_request("GET", f"/rest/v1/{query}", {**ground.as_user(token), "Accept": accept})
                for token in tokens.values()
            ]
            calls = await supabase.run(f"PostgREST, {name}", straight)
            alone = await ours.run(f"GET {name}", through)
            together = await ours.run(f"GET {name}", through, CONNECTIONS)
            figures += _figures(f"GET {name}", together, alone, calls.percentile(50))

        buys = [_buy(bearer) for bearer in bearers]
        # A user's first purchase makes the customer at Stripe as well.
        await closed_loop(ours.connect, buys, 4, 60)
        calls_of_purchase = await time_calls(ground, list(tokens), _USERS * 4)
        alone = await ours.run(BUY, buys)
        together = await ours.run(BUY, buys, CONNECTIONS)
        figures += _figures(BUY, together, alone, calls_of_purchase)
    return figures


def _buy(bearer: dict[str, str]) -> bytes:
    """Without an Idempotency-Key: each time it is sent it is another purchase."""
    body = b'{"creditPackageId":"%s"}' % PACKAGE.encode()
    headers = {**bearer, "Content-Type": "application/json"}
    return http_request("POST", "/api/stripe/create-payment-intent", headers, body)


def _figures(name: str, together: Run, alone: Run, calls: float) -> list[Figure]:
    return [
        per_second(f"{name}, {CONNECTIONS} connections", together.rate),
        milliseconds(f"{name}, {CONNECTIONS} connections, p99", together.percentile(99)),
        milliseconds(f"{name}, 1 connection, p50", alone.percentile(50)),
        milliseconds(f"{name}, 1 connection, p50 over the calls it makes", alone.percentile(50) - calls),
    ]
