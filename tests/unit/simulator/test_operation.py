from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from service.sandbox.simulator.app import ROUTES
from service.sandbox.simulator.operation import Received
from service.sandbox.simulator.options import Options
from service.sandbox.simulator.routes import Route
from service.sandbox.simulator.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEST, LIVE = "sk_test_both", "sk_live_both"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = Simulator([TEST, LIVE], Options())
    yield made
    await made.close()


async def ask(
    simulator: Simulator, key: str, method: str, path: str, item: str = ""
) -> tuple[int, dict[str, Any]]:
    route = next(each for each in ROUTES if (each.method, each.path) == (method, path))
    received = Received({"authorization": f"Bearer {key}"}, path, item, "", b"", "http://x")
    answer = await simulator.operations.answer(route, received)
    return answer.status, json.loads(answer.body)


async def test_the_modes_know_nothing_of_each_other(simulator: Simulator) -> None:
    _, made = await ask(simulator, LIVE, "POST", "/v1/customers")
    status, listed = await ask(simulator, TEST, "GET", "/v1/customers")
    assert made["livemode"] is True
    assert (status, listed["data"]) == (200, [])


async def test_an_id_of_the_other_mode_is_told_as_such(simulator: Simulator) -> None:
    for key, mode, used in ((LIVE, "live", "test"), (TEST, "test", "live")):
        _, made = await ask(simulator, key, "POST", "/v1/customers")
        other = TEST if key == LIVE else LIVE
        status, answer = await ask(simulator, other, "GET", "/v1/customers/{id}", made["id"])
        assert status == 404
        assert answer["error"]["message"] == (
            f"No such customer: '{made['id']}'; a similar object exists in {mode} mode, but a {used} mode "
            "key was used to make this request."
        )


async def test_an_error_of_the_simulator_itself_is_stripes_500(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> dict[str, Any]:
        raise ZeroDivisionError

    route = next(each for each in ROUTES if (each.method, each.path) == ("GET", "/v1/events"))
    broken = Route(route.method, route.path, route.params, route.kind, fail)
    received = Received({"authorization": f"Bearer {TEST}"}, route.path, "", "", b"", "http://x")
    answer = await simulator.operations.answer(broken, received)
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (500, "api_error")
    assert "ZeroDivisionError" in caplog.text
