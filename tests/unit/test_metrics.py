from __future__ import annotations

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.errors import NotAuthenticatedError
from service.metrics import Metrics
from service.settings import Settings

TOKEN = "0123456789abcdef0123456789abcdef"


def test_each_webhook_is_counted_by_outcome_and_reason() -> None:
    metrics = Metrics(TOKEN)
    metrics.count_webhook("applied", None)
    metrics.count_webhook("mismatch", "amount")
    metrics.count_webhook("mismatch", "amount")
    lines = metrics.read(f"Bearer {TOKEN}").decode().splitlines()
    assert 'topup_webhook_events_total{outcome="applied",reason=""} 1.0' in lines
    assert 'topup_webhook_events_total{outcome="mismatch",reason="amount"} 2.0' in lines


def test_text_of_an_error_is_no_label() -> None:
    metrics = Metrics(TOKEN)
    metrics.count_webhook("failed", "22P02 whatever the row held")
    assert b"22P02" not in metrics.read(f"Bearer {TOKEN}")


@pytest.mark.parametrize("authorization", ["", TOKEN, f"Bearer {TOKEN}x", f"bearer {TOKEN}", "Bearer ü"])
def test_metrics_are_refused_without_the_token(authorization: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        Metrics(TOKEN).read(authorization)


def test_refused_webhook_is_counted_over_http(env: dict[str, str]) -> None:
    app = create_app(Settings.from_env({**env, "TOPUP_METRICS_TOKEN": TOKEN}))
    with TestClient(app) as client:
        assert client.post("/api/stripe/webhook", content=b"{}").status_code == 400
        assert client.get("/metrics").status_code == 401
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'topup_webhook_events_total{outcome="refused",reason=""} 1.0' in answer.text


def test_there_are_no_metrics_without_a_token_setting(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_token_that_can_be_guessed_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TOPUP_METRICS_TOKEN"):
        Settings.from_env({**env, "TOPUP_METRICS_TOKEN": "secret"})
