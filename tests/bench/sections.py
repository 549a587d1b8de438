"""The parts of `topup bench`, in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import uvloop

from tests.bench.endpoints import measure_endpoints
from tests.bench.generator import measure_generator
from tests.bench.ground import prepare_ground
from tests.bench.growth import measure_growth
from tests.bench.queue import measure_queue
from tests.bench.receipt import measure_receipt
from tests.bench.spend import measure_spends
from tests.bench.start import measure_cold_start, measure_memory
from tests.bench.storage import measure_storage
from tests.bench.webhook import WebhookRuns, measure_webhooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.steps import Steps
    from tests.bench.figures import Figure
    from tests.bench.ground import Ground

SECTIONS: Final = {
    "webhook": "webhooks at 1, 16, 64 and 256 connections, beside a peer and the limit",
    "receipt": "from a webhook's arrival to readable credits, at 10, 100 and 500 a second",
    "queue": "what an empty queue adds to latency",
    "start": "cold start and memory",
    "endpoints": "create-payment-intent and the reads, beside the calls they make",
    "spend": "spends from one account and from 10,000, beside a bare update and insert",
    "storage": "write-ahead log and room for each purchase",
    "growth": "the same at a thousand, a hundred thousand and a million users",
}


@dataclass(frozen=True)
class Plan:
    """What to measure, and how long."""

    only: Sequence[str]
    seconds: float
    entries: int
    long: bool


@dataclass
class Results:
    """What was measured."""

    figures: list[Figure] = field(default_factory=list)
    rates: dict[str, dict[int, float]] = field(default_factory=dict)
    """Webhooks a second by contender and connections, for the plot."""


def run_sections(plan: Plan, steps: Steps) -> Results:
    """Measure; nothing of it is published if a proof fails."""
    results = Results()
    ordinary = [name for name in SECTIONS if name in plan.only and name != "growth"]
    if ordinary:
        with prepare_ground(plan.seconds) as ground:
            for name in ordinary:
                with steps.step(name) as step:
                    _run_section(name, ground, plan, results)
                    step.detail = SECTIONS[name]
    if "growth" in plan.only:
        # On a database of its own, so that it starts small.
        with prepare_ground(plan.seconds, users=1) as ground:
            results.figures += uvloop.run(measure_growth(ground, steps, plan.entries))
    return results


def _run_section(name: str, ground: Ground, plan: Plan, results: Results) -> None:
    match name:
        case "webhook":
            runs: WebhookRuns = uvloop.run(measure_webhooks(ground))
            results.rates = runs.rates()
            results.figures += [*runs.figures(), *uvloop.run(measure_generator(ground))]
        case "receipt":
            results.figures += uvloop.run(measure_receipt(ground))
        case "queue":
            results.figures += uvloop.run(measure_queue())
        case "start":
            results.figures += measure_cold_start(ground)
            results.figures += uvloop.run(measure_memory(ground, long=plan.long))
        case "endpoints":
            results.figures += uvloop.run(measure_endpoints(ground))
        case "spend":
            results.figures += uvloop.run(measure_spends(ground))
        case _:
            results.figures += uvloop.run(measure_storage(ground))
