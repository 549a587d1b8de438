"""From a webhook's arrival to readable credits, with webhooks coming at a steady rate."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, milliseconds
from tests.bench.load import Answer, open_loop
from tests.bench.purchases import CREDITS
from tests.bench.servers import OURS, start_server
from tests.bench.wires import http_request, to_http

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.ground import Ground
    from tests.bench.load import Run, Wire
    from tests.bench.purchases import Purchase

RATES: Final = (10, 100, 500)
"""Webhooks a second."""

_READERS: Final = 250
"""Users who buy in turn. PostgREST has seen the token of each: it does not verify one at each read."""


async def measure_receipt(ground: Ground, rates: Sequence[int] = RATES) -> list[Figure]:
    """Milliseconds from when a webhook was due to come until a user's read of the balance has its credits."""
    figures: list[Figure] = []
    users = ground.users[-_READERS:]
    with start_server(OURS, ground.settings, ground.logs / "ours.log", probe="/health/ready") as server:
        readers = Readers(ground, users)
        await readers.connect()
        for rate in rates:
            purchases = ground.open_purchases(max(int(rate * ground.seconds), 10), users)
            requests = [ground.webhooks.request(purchase) for purchase in purchases]
            readers.expect(purchases)
            run = await open_loop(to_http(server.url), requests, rate, readers.read)
            ground.prove(f"receipt to credit at {rate}/s", purchases, run)
            figures += _figures(rate, run)
        readers.close()
    ground.audit()
    return figures


def _figures(rate: int, run: Run) -> list[Figure]:
    name = f"receipt to credit {{}} at {rate} events/s"
    return [milliseconds(name.format(f"p{percent}"), run.percentile(percent)) for percent in (50, 99)]


class Readers:
    """The users' own reads of their balance, through PostgREST and row-level security."""

    def __init__(self, ground: Ground, users: Sequence[str]) -> None:
        self._connect = to_http(ground.stack.supabase.url)
        self._reads = {user_id: _read(ground, user_id) for user_id in users}
        self._balances = dict.fromkeys(users, 0)
        self._expected: list[tuple[str, int]] = []
        self._idle: deque[Wire] = deque()
        self._waiting: deque[Callable[[Wire], None]] = deque()

    async def connect(self) -> None:
        """Open the connections, and read each balance once."""
        self._idle.extend([await self._connect() for _ in range(16)])
        wire = await self._connect()
        for user_id, request in self._reads.items():
            answer = await wire.answer_of(request)
            self._balances[user_id] = json.loads(answer.body)["balance"]
        wire.close()

    def expect(self, purchases: Sequence[Purchase]) -> None:
        """Note what each user will have once the purchase of this place in the order is credited."""
        self._expected = []
        for purchase in purchases:
            self._balances[purchase.user_id] += CREDITS
            self._expected.append((purchase.user_id, self._balances[purchase.user_id]))

    def read(self, number: int, due: float, finish: Callable[[Answer], None]) -> None:
        """Read the balance of a purchase's user until it has its credits."""
        user_id, balance = self._expected[number]

        def begin(wire: Wire) -> None:
            wire.ask(self._reads[user_id], lambda answer: answered(wire, answer), due)

        def answered(wire: Wire, answer: Answer) -> None:
            if answer.ok and json.loads(answer.body)["balance"] < balance:
                begin(wire)
                return
            self._idle.append(wire)
            finish(answer)
            if self._waiting:
                self._waiting.popleft()(self._idle.pop())

        if self._idle:
            begin(self._idle.pop())
        else:
            self._waiting.append(begin)

    def close(self) -> None:
        """Close the connections."""
        for wire in self._idle:
            wire.close()


def _read(ground: Ground, user_id: str) -> bytes:
    headers = {**ground.as_user(ground.sign_in(user_id)), "Accept": "application/vnd.pgrst.object+json"}
    return http_request("GET", "/rest/v1/credit_balance?select=balance", headers)
