"""The composition that `topup dev`, `topup demo` and these tests stand on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from service.sandbox.errors import SandboxError
from service.sandbox.stack import start_stack
from tests import loopback
from tests.leftovers import MARK, find_marked, wait_until_none

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from service.sandbox.stack import Stack

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew


def get_live(stack: Stack) -> httpx.Response:
    return loopback.get(f"{stack.service_url}/health/live")


def test_request_made_while_the_service_is_down_is_answered_after_its_restart(stack: Stack) -> None:
    before = stack.service.pid
    stack.kill_service()
    assert stack.service.returncode == -9
    with pytest.raises(SandboxError, match="The service ended with status -9"):
        stack.check()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(get_live, stack)
        stack.restart_service()
        assert waiting.result().is_success
    assert stack.service.pid != before
    stack.check()


def test_service_restarts_with_other_settings_and_back(stack: Stack) -> None:
    origin = "https://app.example.com"
    headers = {"Origin": origin}
    stack.restart_service(TOPUP_CORS_ORIGINS=origin)
    url = f"{stack.service_url}/health/live"
    assert loopback.get(url, headers=headers).headers["access-control-allow-origin"] == origin
    stack.restart_service(TOPUP_CORS_ORIGINS="")
    assert "access-control-allow-origin" not in loopback.get(url, headers=headers).headers


def test_service_that_cannot_start_stops_all_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, str(tmp_path))
    with (
        pytest.raises(SandboxError, match="TOPUP_LOG_LEVEL is not a log level"),
        start_stack(data=tmp_path / "data", settings={"TOPUP_LOG_LEVEL": "loud"}),
    ):
        raise AssertionError("it started")
    wait_until_none(lambda: find_marked(str(tmp_path), tmp_path))
