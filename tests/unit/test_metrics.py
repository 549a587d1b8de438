from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.errors import CardDeclinedError, TopupError, UnavailableError
from service.event_types import MISMATCH_REASONS
from service.metrics import Metrics
from service.settings import Settings
from service.telemetry import Telemetry

if TYPE_CHECKING:
    from litestar import Litestar

TOKEN = "0123456789abcdef0123456789abcdef"
METRICS_PORT = 9091
SQL = Path(__file__).parents[2] / "sql"


def lines_of(metrics: Metrics) -> list[str]:
    return metrics.read(ready=True).decode().splitlines()


@pytest.fixture
def guarded(env: dict[str, str]) -> Litestar:
    """The application with a token for its metrics. There is no database behind it."""
    return create_app(Settings.from_env({**env, "TOPUP_METRICS_TOKEN": TOKEN}))


def read(client: TestClient[Litestar]) -> list[str]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text.splitlines()


def test_each_webhook_is_counted_by_outcome_and_reason() -> None:
    metrics = Metrics()
    metrics.count_webhook("applied", None)
    metrics.count_webhook("mismatch", "amount")
    metrics.count_webhook("mismatch", "amount")
    lines = lines_of(metrics)
    assert 'topup_webhook_events_total{outcome="applied",reason=""} 1.0' in lines
    assert 'topup_webhook_events_total{outcome="mismatch",reason="amount"} 2.0' in lines


def test_text_of_an_error_is_no_label() -> None:
    metrics = Metrics()
    metrics.count_webhook("failed", "22P02 whatever the row held")
    assert b"22P02" not in metrics.read(ready=True)


def test_what_an_alert_waits_for_stands_at_zero_from_the_start() -> None:
    lines = lines_of(Metrics())
    for outcome in ("failed", "refused"):
        assert f'topup_webhook_events_total{{outcome="{outcome}",reason=""}} 0.0' in lines
    for reason in MISMATCH_REASONS:
        assert f'topup_webhook_events_total{{outcome="mismatch",reason="{reason}"}} 0.0' in lines


def test_reasons_of_a_mismatch_are_those_of_the_schema() -> None:
    schema = "".join(file.read_text() for file in sorted(SQL.glob("*.sql")))
    functions = re.findall(r"create function credits\.\w+_mismatch\(.*?\n\$\$;", schema, re.DOTALL)
    assert len(functions) == 2
    said = {reason for function in functions for reason in re.findall(r"then '(\w+)'", function)}
    said |= set(re.findall(r"row\(p_event, 'mismatch', '(\w+)'", schema))
    assert said == set(MISMATCH_REASONS)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (CardDeclinedError("Your card was declined.", "card_declined"), "refused"),
        (UnavailableError("stripe_unavailable"), "failed"),
        (TimeoutError(), "failed"),
    ],
)
def test_call_is_measured_by_what_came_of_it(error: Exception | None, outcome: str) -> None:
    metrics = Metrics()
    try:
        with Telemetry(metrics).call("stripe", "create_payment_intent"):
            if error is not None:
                raise error
    except (TopupError, TimeoutError) as raised:
        assert raised is error  # noqa: PT017 - it goes on to the caller as it was
    counted = f'topup_call_seconds_count{{call="create_payment_intent",outcome="{outcome}",to="stripe"}} 1.0'
    assert counted in lines_of(metrics)


def test_requests_are_measured_by_their_route_and_never_by_their_path(guarded: Litestar) -> None:
    with TestClient(guarded) as client:
        client.get("/api/stripe/balance?user=ada")
        client.get("/made/up")
        client.get("/api/stripe/made-up-too")
        lines = read(client)
    assert 'topup_request_seconds_count{route="/api/stripe/balance",status="401"} 1.0' in lines
    assert 'topup_request_seconds_count{route="none",status="404"} 2.0' in lines
    assert not [line for line in lines if "made" in line or "ada" in line]


def test_refused_webhook_is_counted_over_http(guarded: Litestar) -> None:
    with TestClient(guarded) as client:
        assert client.post("/api/stripe/webhook", content=b"{}").status_code == 400
        lines = read(client)
    assert 'topup_webhook_events_total{outcome="refused",reason=""} 1.0' in lines
    assert "topup_receipt_to_credit_seconds_count 0.0" in lines


def test_service_without_a_database_says_that_it_is_not_ready(guarded: Litestar) -> None:
    with TestClient(guarded) as client:
        lines = read(client)
    assert "topup_ready 0.0" in lines
    assert "topup_recorder_waiting 0.0" in lines
    assert "topup_ready 1.0" in lines_of(Metrics())


@pytest.mark.parametrize("authorization", ["", TOKEN, f"Bearer {TOKEN}x", f"bearer {TOKEN}", "Bearer ü"])
def test_metrics_are_refused_without_the_token(guarded: Litestar, authorization: str) -> None:
    with TestClient(guarded) as client:
        answer = client.get("/metrics", headers=[(b"authorization", authorization.encode())])
    assert answer.status_code == 401
    assert "topup_" not in answer.text


def test_there_are_no_metrics_without_a_setting(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_port_of_the_metrics_needs_no_token_and_opens_no_other_port(env: dict[str, str]) -> None:
    app = create_app(Settings.from_env({**env, "TOPUP_METRICS_PORT": str(METRICS_PORT)}))
    with TestClient(app, base_url=f"http://testserver.local:{METRICS_PORT}") as client:
        assert "topup_ready" in client.get("/metrics").text
    with TestClient(app, base_url="http://testserver.local:8000") as client:
        spoofed = {"Host": f"testserver.local:{METRICS_PORT}"}
        assert client.get("/metrics", headers=spoofed).status_code == 404


def test_token_that_can_be_guessed_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TOPUP_METRICS_TOKEN"):
        Settings.from_env({**env, "TOPUP_METRICS_TOKEN": "secret"})


def test_port_that_everybody_reaches_is_no_port_for_metrics(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TOPUP_METRICS_PORT"):
        Settings.from_env({**env, "PORT": "8080", "TOPUP_METRICS_PORT": "8080"})
    assert Settings.from_env({**env, "PORT": "0", "TOPUP_METRICS_PORT": "0"}).metrics_port == 0
