"""`topup bench`: measure, prove, and show the figures."""

from __future__ import annotations

import json
import os
import platform
from typing import TYPE_CHECKING, Any

from service.operate.tables import print_table
from service.sandbox.errors import SandboxError
from service.sandbox.interrupts import interruptible
from service.sandbox.steps import Steps, install_parts
from service.terminal import make_console
from tests.bench.ground import UnprovedError
from tests.bench.load import LoadError
from tests.bench.plot import draw_rates
from tests.bench.sections import Plan, Results, run_sections

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.figures import Figure


def run_bench(plan: Plan, *, plot: Path | None, as_json: bool) -> None:
    """Measure everything that the plan names, and print it: a table, or one object with `figures`.

    Raises:
        SandboxError: The stack does not start, or a proof failed; nothing is printed then.
    """
    steps = Steps.shown(json=as_json)
    try:
        with interruptible():
            install_parts(steps)
            results = run_sections(plan, steps)
    except (UnprovedError, LoadError) as error:
        raise SandboxError(f"Nothing is published: {error}") from error
    if plot is not None and results.rates:
        plot.write_text(draw_rates(results.rates))
    if as_json:
        print(json.dumps(to_json(plan, results)))  # noqa: T201 - what --json is for
    else:
        _print_tables(results)


def to_json(plan: Plan, results: Results) -> dict[str, Any]:
    """{figures: [{name, value, unit, goal, met}], seconds, machine}; figures with a goal come first."""
    figures = sorted(results.figures, key=lambda figure: figure.goal is None)
    return {
        "figures": [figure.to_json() for figure in figures],
        "seconds": plan.seconds,
        "machine": {"cpus": os.cpu_count(), "system": platform.platform()},
    }


def _print_tables(results: Results) -> None:
    console = make_console()
    goals = [figure for figure in results.figures if figure.goal is not None]
    if goals:
        console.print()
        print_table(console, ("FIGURE", "VALUE", "GOAL", ""), [_row(figure) for figure in goals])
    if results.rates:
        console.print()
        _print_rates(results)
    others = [figure for figure in results.figures if figure.goal is None]
    if others:
        console.print()
        print_table(console, ("MEASURED", "VALUE"), [(each.name, _shown(each)) for each in others])


def _print_rates(results: Results) -> None:
    """Webhooks a second, and how many times as many ours are."""
    ours, *others = results.rates.items()
    bars = [(name, by_load) for name, by_load in others if len(by_load) > 1]
    rows = [
        (
            str(load),
            f"{rate:,.0f}",
            *(f"{by_load[load]:,.0f}  (ours {rate / by_load[load]:.1f} times)" for _, by_load in bars),
        )
        for load, rate in ours[1].items()
    ]
    print_table(make_console(), ("WEBHOOKS/S AT", ours[0].upper(), *(name.upper() for name, _ in bars)), rows)


def _row(figure: Figure) -> tuple[str, str, str, str]:
    met = figure.goal is not None and figure.goal.is_met(figure.value)
    return (figure.name, _shown(figure), str(figure.goal), "met" if met else "missed")


def _shown(figure: Figure) -> str:
    digits = 0 if figure.value >= 100 else 2 if figure.value >= 0.1 else 4
    return f"{figure.value:,.{digits}f} {figure.unit}"
