"""service/monitoring/, taken apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from service.sandbox.node import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS: Final = PROJECT / "service" / "monitoring" / "alerts.yml"
DASHBOARD: Final = PROJECT / "service" / "monitoring" / "dashboard.json"


def read_rules() -> dict[str, dict[str, Any]]:
    """The alert rules by name."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def read_panels() -> list[dict[str, Any]]:
    """The panels of the dashboard."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return panels


def read_expressions() -> Iterator[str]:
    """Every query of the dashboard, with a window for Grafana's own."""
    for panel in read_panels():
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$app", ".*")
