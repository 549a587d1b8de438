"""Dashboard and alerts ask for metrics that there are, and every alert is explained."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.ledger import Check
from service.metrics import Metrics
from tests.e2e.readme import headings, read_section
from tests.monitoring.files import read_expressions, read_panels, read_rules

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

SCRAPERS = {"app", "job"}
"""Labels that a scraper adds."""


@pytest.fixture(scope="module", name="samples")
def read_samples() -> list[Sample]:
    """A reading of metrics after one of everything."""
    metrics = Metrics()
    metrics.observe_commit(0.1)
    for route in ("credit-packages", "create-payment-intent", "balance", "webhook"):
        for status in (200, 503):
            metrics.observe_request(f"/api/stripe/{route}", status, 0.1)
    for to in ("postgrest", "stripe"):
        metrics.observe_call(to, "anything", "failed", 0.1)
    checks = [Check(name, 0, datetime.now(UTC)) for name in ("audit", "reconcile", "events_behind")]
    text = metrics.read(ready=True, checks=checks).decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def matches(sample: Sample, label: str, operator: str, value: str) -> bool:
    """Whether a sample has a label as a selector wants it."""
    found = sample.labels.get(label, "")
    equal = re.fullmatch(value, found) is not None if operator.endswith("~") else found == value
    return equal is not operator.startswith("!")


def queries() -> list[str]:
    return [*(rule["expr"] for rule in read_rules().values()), *read_expressions()]


@pytest.mark.parametrize("query", queries())
def test_every_selector_finds_what_the_service_tells(samples: list[Sample], query: str) -> None:
    selectors = re.findall(r"\b(topup_\w+)(?:\{([^}]*)\})?", query)
    assert selectors
    for name, written in selectors:
        wanted = [
            each for each in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', written) if each[0] not in SCRAPERS
        ]
        assert [
            sample
            for sample in samples
            if sample.name == name and all(matches(sample, *condition) for condition in wanted)
        ], f"{name}{{{written}}}"


@pytest.mark.parametrize("query", queries())
def test_queries_group_by_labels_that_there_are(samples: list[Sample], query: str) -> None:
    names = set(re.findall(r"\b(topup_\w+)", query))
    there = {label for sample in samples if sample.name in names for label in sample.labels} | SCRAPERS
    grouped = {
        label for group in re.findall(r"\bby \(([^)]*)\)", query) for label in re.findall(r"\w+", group)
    }
    assert grouped <= there


def test_every_metric_is_on_the_dashboard(samples: list[Sample]) -> None:
    families = {re.sub(r"_(bucket|count|sum)$", "", sample.name) for sample in samples}
    shown = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for query in read_expressions()
        for name in re.findall(r"\b(topup_\w+)", query)
    }
    assert shown == families


def test_every_alert_is_explained_in_a_section_of_its_own() -> None:
    explained = [heading for heading in headings() if heading.startswith("Topup") and heading != "Topup"]
    assert explained == list(read_rules())
    for name, rule in read_rules().items():
        section = read_section(name)
        assert "- Look: " in section, name
        assert "- Do: " in section, name
        assert rule["annotations"]["runbook"] == f"README.md#{name.lower()}"
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_panels_are_told_apart_and_lie_beside_each_other() -> None:
    panels = read_panels()
    assert len({panel["title"] for panel in panels}) == len({panel["id"] for panel in panels}) == len(panels)
    covered = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(covered)) == len(covered)
    assert max(x for x, _ in covered) < 24
