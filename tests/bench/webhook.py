"""Webhooks, verified and credited exactly once, from 1 to 256 connections at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.bench.contenders import LIMIT_CONNECTIONS, Limit, OneCallEach, Ours, Tutorial, enter_contenders
from tests.bench.figures import Figure, at_least, at_most, milliseconds, per_second, ratio
from tests.bench.load import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.ground import Ground

CONNECTIONS: Final = (1, 16, 64, 256)
ROUNDS: Final = 2
"""Each is measured this often, in turn, so that a slow moment of the machine meets all of them."""


TURNS_ALONE: Final = 8
"""In each round, at one connection: a few percent are to be told apart there."""


@dataclass
class WebhookRuns:
    """What was measured, by contender and connections."""

    by_load: dict[tuple[str, int], Run] = field(default_factory=dict)

    def add(self, name: str, connections: int, run: Run) -> None:
        """Add a round."""
        key = (name, connections)
        self.by_load[key] = self.by_load.get(key, Run()) + run

    def rates(self) -> dict[str, dict[int, float]]:
        """Events a second, by contender and connections."""
        found: dict[str, dict[int, float]] = {}
        for (name, connections), run in self.by_load.items():
            found.setdefault(name, {})[connections] = run.rate
        return found

    def figures(self) -> list[Figure]:
        """The ratios that have a goal, then every measured value."""
        return [*self._ratios(), *self._values()]

    def _ratios(self) -> list[Figure]:
        ours, one = self.by_load[Ours.name, 64], self.by_load[OneCallEach.name, 64]
        peer, limit = self.by_load[Tutorial.name, 64], self.by_load[Limit.name, LIMIT_CONNECTIONS]
        alone = self.by_load[Ours.name, 1].percentile(50) / self.by_load[OneCallEach.name, 1].percentile(50)
        return [
            ratio("webhook, 64 connections: ours / one RPC per event", ours.rate / one.rate, at_least(8)),
            ratio("webhook, 64 connections: ours / the tutorial peer", ours.rate / peer.rate, at_least(8)),
            ratio(
                "webhook, 64 connections: ours / the limit in Postgres (our own transaction, one event each, "
                "8 connections)",
                ours.rate / limit.rate,
                at_least(0.75),
            ),
            ratio("webhook, 1 connection: p50 ours / one RPC per event", alone, at_most(1.05)),
        ]

    def _values(self) -> list[Figure]:
        values: list[Figure] = []
        for (name, connections), run in self.by_load.items():
            load = f"webhook, {connections} connection{'s' if connections > 1 else ''}: {name}"
            values += [
                per_second(load, run.rate),
                milliseconds(f"{load}, p50", run.percentile(50)),
                milliseconds(f"{load}, p99", run.percentile(99)),
            ]
            if run.refused:
                values.append(Figure(f"{load}, refused", run.refused.total(), "webhooks"))
        accepted = sum(run.accepted for run in self.by_load.values())
        used = sum(run.cpu for run in self.by_load.values())
        return [*values, milliseconds("the load generator's own time for one webhook", used / accepted)]


async def measure_webhooks(ground: Ground, connections: Sequence[int] = CONNECTIONS) -> WebhookRuns:
    """Measure all contenders in turn, `ground.seconds` each for each number of connections."""
    runs = WebhookRuns()
    seconds = ground.seconds / ROUNDS
    with enter_contenders(ground) as (*servers, limit):
        for _ in range(ROUNDS):
            for count in connections:
                turns = TURNS_ALONE if count == 1 else 1
                for server in [*servers] * turns:
                    runs.add(server.name, count, await server.run(count, seconds / turns))
            runs.add(limit.name, LIMIT_CONNECTIONS, await limit.run(LIMIT_CONNECTIONS, seconds))
    ground.audit()
    return runs
