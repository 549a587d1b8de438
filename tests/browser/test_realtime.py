"""The balance of a project with Supabase Realtime. The local stack has none, so its socket is played here."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from service.sandbox.page_server import PageConfig, serve_page
from service.sandbox.processes import bind
from tests.integration.service.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import WebSocketRoute

    from tests.browser.shop import Shop
    from tests.browser.visitor import Visitor


class Realtime:
    """One channel, in Phoenix's messages: [join_ref, ref, topic, event, payload].

    Attributes:
        changes: What the page has asked to be told of.
    """

    def __init__(self) -> None:
        self.changes: list[dict[str, str]] = []
        self._socket: WebSocketRoute | None = None
        self._topic = ""

    def accept(self, socket: WebSocketRoute) -> None:
        """Take a page's connection."""
        self._socket = socket
        socket.on_message(self._answer)

    def tell(self) -> None:
        """A row has changed."""
        assert self._socket is not None
        row = {
            "schema": "credits",
            "table": "accounts",
            "type": "UPDATE",
            "columns": [],
            "record": {},
            "old_record": {},
        }
        data = {**row, "commit_timestamp": "2026-01-01T00:00:00Z", "errors": None}
        self._send(None, None, self._topic, "postgres_changes", {"ids": [1], "data": data})

    def _answer(self, message: str | bytes) -> None:
        join_ref, ref, topic, event, payload = json.loads(message)
        response: dict[str, Any] = {}
        if event == "phx_join":
            self._topic = topic
            changes = payload["config"]["postgres_changes"]
            response = {
                "postgres_changes": [{**change, "id": number} for number, change in enumerate(changes, 1)]
            }
            self.changes = changes
        self._send(join_ref, ref, topic, "phx_reply", {"status": "ok", "response": response})

    def _send(self, *message: object) -> None:
        assert self._socket is not None
        self._socket.send(json.dumps(message))


@pytest.fixture(name="realtime_url")
def serve(shop: Shop) -> Iterator[str]:
    """The page of such a project."""
    with bind() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with serve_page(listener, replace(PageConfig.of(shop.stack), realtime=True)):
            yield url


def test_a_change_that_realtime_tells_of_is_shown(
    visit: Callable[..., Visitor], shop: Shop, realtime_url: str
) -> None:
    ada = visit(url=realtime_url)
    realtime = Realtime()
    ada.context.route_web_socket("**/realtime/v1/websocket*", realtime.accept)
    ada.page.reload()
    ada.sign_up()
    expect(ada.page.locator("#balance")).to_have_text("0.00")
    # Playwright hands over what the socket says while it is asked something.
    eventually(lambda: ada.page.title() and realtime.changes, "the page listens")
    user_id = ada.session["user"]["id"]
    filtered = {"schema": "credits", "table": "accounts", "filter": f"user_id=eq.{user_id}"}
    assert realtime.changes == [{"event": "*", **filtered}]

    asked = [time.monotonic()]
    ada.page.on("request", lambda _request: asked.append(time.monotonic()))
    # It looks a few times when it begins to listen, at most two seconds apart, and no more after that.
    eventually(
        lambda: ada.page.title() and not ada.unanswered and time.monotonic() > asked[-1] + 5,
        "the page has stopped looking by itself",
    )
    shop.give(user_id, "A present", 5)
    expect(ada.page.locator("#balance")).to_have_text("0.00")
    realtime.tell()
    expect(ada.page.locator("#balance")).to_have_text("5.00")
