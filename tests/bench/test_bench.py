"""The benchmark in its smallest form: it runs and proves its runs, and its figures have their names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.bench.plot import draw_rates

TOPUP = str(Path(sys.executable).with_name("topup"))

LIMIT = "the limit in Postgres (our own transaction, one event each, 8 connections)"
GOALS = {
    "webhook, 64 connections: ours / one RPC per event": "at least 8",
    "webhook, 64 connections: ours / the tutorial peer": "at least 8",
    f"webhook, 64 connections: ours / {LIMIT}": "at least 0.75",
    "webhook, 1 connection: p50 ours / one RPC per event": "at most 1.05",
    **{
        f"spend, {where}, {connections}: ours / a bare update and insert": "at least 0.6"
        for where in ("one hot account", "10,000 accounts")
        for connections in ("1 connection", "8 connections", "32 connections")
    },
    "an empty queue adds to latency": "at most 0.1",
    "balance and first history page, 20 thousand / 1 thousand": "at most 1.5",
}


@pytest.fixture(scope="module", name="measured")
def measure(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `topup bench --json` says, and the plot that it saves."""
    plot = tmp_path_factory.mktemp("bench") / "webhook.svg"
    sections = [f"--only={name}" for name in ("webhook", "receipt", "queue", "spend", "growth")]
    options = ["--seconds", "1", "--entries", "20000", "--plot", str(plot), "--json"]
    bench = subprocess.run(
        [TOPUP, "bench", *sections, *options], capture_output=True, text=True, timeout=540, check=False
    )
    assert bench.returncode == 0, bench.stderr
    answer: dict[str, Any] = json.loads(bench.stdout)
    return {**answer, "plot": plot.read_text()}


@pytest.mark.slow
def test_every_goal_is_published_under_its_name(measured: dict[str, Any]) -> None:
    with_goal = {figure["name"]: figure["goal"] for figure in measured["figures"] if figure["goal"]}
    assert with_goal == GOALS


@pytest.mark.slow
def test_every_figure_says_what_it_is_and_whether_it_meets_its_goal(measured: dict[str, Any]) -> None:
    for figure in measured["figures"]:
        assert figure.keys() == {"name", "value", "unit", "goal", "met"}
        assert figure["value"] > 0
        assert figure["unit"] in {"times", "/s", "ms", "webhooks"}
        assert (figure["goal"] is None) == (figure["met"] is None)
    names = [figure["name"] for figure in measured["figures"]]
    assert len(names) == len(set(names))
    assert "receipt to credit p99 at 100 events/s" in names


@pytest.mark.slow
def test_the_plot_has_a_bar_for_each_contender_and_a_line_for_the_limit(measured: dict[str, Any]) -> None:
    assert measured["plot"].count("<title>") == 3 * 4
    assert measured["plot"].count("stroke-dasharray") == 1


def test_without_a_clone_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("service.sandbox.node.PROJECT", tmp_path)
    answer = CliRunner().invoke(app, ["bench"])
    assert answer.exit_code == 1
    assert "run it from a clone of the repository" in answer.output


def test_an_unknown_section_is_refused_with_those_there_are() -> None:
    answer = CliRunner().invoke(app, ["bench", "--only", "webhooks"])
    assert answer.exit_code == 2
    assert "webhook, receipt, queue" in answer.output


def test_a_plot_keeps_the_values_in_proportion() -> None:
    svg = draw_rates({"ours": {1: 100.0, 64: 400.0}, "other": {1: 50.0, 64: 100.0}, "limit": {8: 400.0}})
    heights = [float(part.split('"')[0]) for part in svg.split('height="')[1:]]
    bars = [height for height in heights if height != 10]
    assert bars[2] == pytest.approx(4 * bars[0], abs=0.5)
    assert bars[0] == pytest.approx(2 * bars[1], abs=0.5)
