"""The page of `topup dev` in Debian's Chromium, on the stack that all tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from service.sandbox.page_server import PageConfig, serve_page
from service.sandbox.processes import bind
from tests.browser.shop import Shop
from tests.browser.visitor import PATIENCE_MS, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.sandbox.stack import Stack

CHROMIUM: Final = os.environ.get("TOPUP_TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS: Final = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session", name="browser")
def launch() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="session", name="page_url")
def serve(stack: Stack) -> Iterator[str]:
    """The page's address; the service lets it call."""
    with bind() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        stack.restart_service(TOPUP_CORS_ORIGINS=url)
        with serve_page(listener, PageConfig.of(stack)):
            yield url


@pytest.fixture
def shop(stack: Stack, page_url: str) -> Iterator[Shop]:
    """What stands behind the page, without faults or a pause left behind."""
    yield Shop(stack, page_url)
    stack.simulator.clear_faults()
    stack.simulator.resume_deliveries()


@pytest.fixture(name="visit")
def open_door(browser: Browser, shop: Shop) -> Iterator[Callable[..., Visitor]]:
    """Lets people come, each with a browser profile of their own; what was wrong in their browsers fails."""
    visitors: list[Visitor] = []

    def visit(url: str = shop.page_url, **context: object) -> Visitor:
        visitors.append(Visitor(browser, shop, url, context))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.leave()
    for visitor in visitors:
        assert visitor.complaints == []
        assert visitor.origins <= shop.origins | {visitor.url}


@pytest.fixture(name="ada")
def let_in(visit: Callable[..., Visitor]) -> Visitor:
    """Somebody who has just opened the page."""
    return visit()
