"""The load generator measured by itself, so that nobody has to believe that it is not the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.figures import Figure, per_second
from tests.bench.load import closed_loop
from tests.bench.servers import INSTANT, start_server
from tests.bench.wires import to_http

if TYPE_CHECKING:
    from tests.bench.ground import Ground


async def measure_generator(ground: Ground) -> list[Figure]:
    """Webhooks a second to a server that answers at once, 64 connections."""
    purchases = ground.open_purchases(1000)
    requests = [ground.webhooks.request(purchase) for purchase in purchases] * 200
    with start_server(INSTANT, ground.settings, ground.logs / "instant.log", probe="/") as server:
        run = await closed_loop(to_http(server.url), requests, 64, min(ground.seconds, 3))
    return [per_second("the load generator alone, 64 connections", run.rate)]
