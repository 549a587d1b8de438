import re
from pathlib import Path
from typing import Any

from service.event_types import HANDLED_EVENT_TYPES, WEBHOOK_PATH
from service.telemetry import Telemetry
from service.webhooks import WebhookReceiver, webhook_route

SQL = Path(__file__).parents[2] / "sql"


def test_endpoints_are_registered_for_exactly_the_events_that_the_schema_applies() -> None:
    [function] = [
        found[0]
        for file in SQL.glob("*.sql")
        if (
            found := re.search(
                r"create function credits\.apply_event\(.*?\n\$\$;", file.read_text(), re.DOTALL
            )
        )
    ]
    applied = re.findall(r"'([a-z_]+(?:\.[a-z_]+)+)'", function)
    assert sorted(HANDLED_EVENT_TYPES) == sorted(applied)


def test_webhook_path_is_the_route_of_the_service() -> None:
    recorder: Any = None
    route = webhook_route(WebhookReceiver([], recorder, Telemetry()))
    assert {f"/api/stripe{path}" for path in route.paths} == {WEBHOOK_PATH}
