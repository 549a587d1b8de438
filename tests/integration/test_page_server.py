"""The page as its server gives it out. What it does in a browser is tests/browser's matter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from service.sandbox.page_server import FILES, PageConfig, serve_page
from service.sandbox.processes import bind
from service.sandbox.stack import HostedStripe
from tests import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack

HOSTED = HostedStripe("sk_test_1", "whsec_1", "pk_test_1")


@pytest.fixture(name="page")
def open_page(stack: Stack) -> Iterator[httpx.Client]:
    """A client of the page's own address."""
    with bind() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            serve_page(listener, PageConfig.of(stack)),
            httpx.Client(base_url=url, timeout=loopback.PATIENCE, trust_env=False) as client,
        ):
            yield client


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    rules = [rule.split() for rule in answer.headers["content-security-policy"].split("; ")]
    return {name: values for name, *values in rules}


def test_everything_that_the_page_names_is_there(page: httpx.Client) -> None:
    html = page.get("/").text
    named = {*re.findall(r'(?:href|src)="([^"]+)"', html), "supabase-js.js"}
    for script in FILES.glob("*.js"):
        named |= {each.removeprefix("./") for each in re.findall(r'from "(\./[^"]+)"', script.read_text())}
    assert len(named) > 10
    for name in named:
        assert page.get(f"/{name}").status_code == 200, name


def test_every_element_that_a_module_asks_for_is_in_the_page(page: httpx.Client) -> None:
    html = page.get("/").text
    ids = set(re.findall(r' id="([^"]+)"', html))
    asked = {
        found
        for script in FILES.glob("*.js")
        for found in re.findall(r'(?:byId|stamp|showOnly)\("([^"]+)"', script.read_text())
    }
    assert len(asked) > 20
    assert asked <= ids


def test_the_configuration_is_what_a_page_may_know(page: httpx.Client, stack: Stack) -> None:
    config = page.get("/config.js").text
    for known in (stack.supabase.url, stack.supabase.publishable_key, stack.service_url):
        assert f'"{known}"' in config
    assert f'STRIPE_JS_URL = "{stack.simulator.stripe_js_url}"' in config
    assert f'STRIPE_PUBLISHABLE_KEY = "{stack.simulator.publishable_key}"' in config
    for secret in (stack.supabase.secret_key, stack.simulator.secret_key, stack.webhook_secret):
        assert secret not in config


@pytest.mark.parametrize("path", ["/nothing.js", "/../stack.py", "/..%2Fstack.py", "//etc/passwd", "/page"])
def test_nothing_but_the_pages_files_is_served(page: httpx.Client, path: str) -> None:
    answer = page.get(httpx.URL(page.base_url, raw_path=path.encode()))
    assert answer.status_code == 404


def test_the_policy_names_this_stack_and_nothing_else(page: httpx.Client, stack: Stack) -> None:
    answer = page.get("/?payment_intent_client_secret=pi_1_secret_2")
    assert answer.headers["referrer-policy"] == "no-referrer"
    rules = policy(answer)
    assert (rules["default-src"], rules["style-src"], rules["frame-ancestors"]) == (
        ["'none'"],
        ["'self'"],
        ["'none'"],
    )
    assert rules["script-src"][:2] == ["'self'", stack.simulator.url]
    assert rules["script-src"][2].startswith("'sha256-")
    assert rules["connect-src"] == [stack.supabase.url, stack.service_url, stack.simulator.url]
    assert rules["frame-src"] == [stack.simulator.url]
    assert not re.search("unsafe|\\*|data:", answer.headers["content-security-policy"])


def test_with_stripe_itself_the_policy_is_the_one_that_stripe_asks_for(stack: Stack) -> None:
    config = PageConfig(
        supabase_url="https://ref.supabase.co",
        supabase_publishable_key="sb_publishable_1",
        topup_url=stack.service_url,
        stripe_js_url=HOSTED.stripe_js_url,
        stripe_publishable_key=HOSTED.publishable_key,
        stripe_api_url=HOSTED.url,
        realtime=True,
    )
    assert re.fullmatch(r"https://js\.stripe\.com/[a-z]+/stripe\.js", config.stripe_js_url)
    text = config.to_policy((FILES / "index.html").read_text())
    assert "script-src 'self' https://js.stripe.com https://*.js.stripe.com 'sha256-" in text
    assert "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com" in text
    assert f"https://ref.supabase.co {stack.service_url} https://api.stripe.com wss://ref.supabase.co" in text
