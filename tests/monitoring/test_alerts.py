"""The alert rules and the dashboard under Prometheus's own tool, promtool."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.monitoring.files import ALERTS, read_expressions, read_rules
from tests.monitoring.scenarios import HEALTHY, LAST, SCENARIOS, Scenario

if TYPE_CHECKING:
    from pathlib import Path

FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def write(path: Path, document: dict[str, Any]) -> str:
    """Write what is YAML too."""
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_exactly_the_alerts_of_a_scenario_fire(tmp_path: Path, scenario: Scenario) -> None:
    series = {name: values for name, values in {**HEALTHY, **scenario.changes}.items() if values is not None}
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(scenario.firing)]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": FIRING, "eval_time": LAST, "exp_samples": expected}],
    }
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]}
    promtool("test", "rules", write(tmp_path / "scenario.yml", document))


def test_each_alert_has_a_scenario_in_which_it_fires() -> None:
    assert {name for scenario in SCENARIOS for name in scenario.firing} == read_rules().keys()


def test_rules_are_sound() -> None:
    promtool("check", "rules", str(ALERTS))


def test_every_query_of_the_dashboard_is_sound(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(read_expressions())
    ]
    assert len(rules) > 10
    document = {"groups": [{"name": "dashboard", "rules": rules}]}
    promtool("check", "rules", write(tmp_path / "dashboard.yml", document))
