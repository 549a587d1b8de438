import json
from typing import Any

import pytest
from litestar import get
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_request_is_one_line_with_its_id(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with TestClient(create_app(settings)) as client:
        response = client.get("/api/stripe/balance?token=visible", headers={"x-request-id": "abc-1.2:3_4"})
        client.get("/nowhere")
    first, second = [line for line in lines_of(capsys) if line["event"] == "request"]
    assert response.headers["x-request-id"] == "abc-1.2:3_4"
    assert {key: first[key] for key in ("request_id", "method", "path", "status", "error", "level")} == {
        "request_id": "abc-1.2:3_4",
        "method": "GET",
        "path": "/api/stripe/balance",
        "status": 401,
        "error": "no_token",
        "level": "info",
    }
    assert first["duration_ms"] >= 0
    assert (second["path"], second["status"]) == ("/nowhere", 404)
    assert second["request_id"] not in {"", first["request_id"]}


@pytest.mark.parametrize("unsound", ["", "a b", "x" * 129, "<script>", "é", "a\x7f"])
def test_an_unsound_request_id_is_replaced(settings: Settings, unsound: str) -> None:
    with TestClient(create_app(settings)) as client:
        given = client.get("/health/live", headers=[(b"x-request-id", unsound.encode("latin-1"))])
    assert len(given.headers["x-request-id"]) == 32


def test_what_goes_wrong_inside_is_logged_with_its_traceback_and_the_same_id(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    @get("/fails")
    async def fail() -> None:
        raise RuntimeError("a detail of the inside")

    app = create_app(settings)
    app.register(fail)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/fails")
    failure, request = lines_of(capsys)
    assert failure["level"] == "error"
    assert "RuntimeError: a detail of the inside" in failure["exception"]
    assert failure["request_id"] == request["request_id"]
    assert (request["status"], request["error"]) == (500, "RuntimeError")


def test_answers_are_not_cached_or_sniffed(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        for path in ("/health/live", "/api/stripe/balance", "/nowhere"):
            headers = client.get(path).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
