"""Which pages may call from a browser: those of TOPUP_CORS_ORIGINS, and by default none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.service.copies import another_service
from tests.integration.service.shop import BUY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from service.sandbox.stack import Stack
    from tests.integration.service.shop import Shop, User

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

APP, LAPTOP = "https://app.example.com", "http://localhost:5173"
HEADERS = ("authorization", "content-type", "idempotency-key", "x-request-id", "traceparent", "tracestate")


@pytest.fixture(scope="module")
def open_shop(stack: Stack) -> Iterator[Shop]:
    """A service that two origins may call."""
    with another_service(stack, TOPUP_CORS_ORIGINS=f"{APP}, {LAPTOP}") as copy:
        yield copy.shop


def preflight(
    shop: Shop, origin: str, method: str = "POST", headers: str = ", ".join(HEADERS)
) -> httpx.Response:
    """What a browser asks before it sends the call itself."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return shop.http.options(BUY, headers=asked)


@pytest.mark.parametrize("origin", [APP, LAPTOP])
def test_a_preflight_of_a_listed_origin_is_allowed(open_shop: Shop, origin: str) -> None:
    answer = preflight(open_shop, origin)
    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] == origin
    assert {"GET", "POST"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert set(HEADERS) <= allowed
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://sub.app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "http://localhost:3000",
        "null",
        "*",
        "",
    ],
)
def test_any_other_origin_is_refused(open_shop: Shop, user: User, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(open_shop, origin).headers
    answer = open_shop.http.get("/api/stripe/balance", headers={**user.headers, "Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


def test_answers_and_failures_can_be_read_by_the_page(open_shop: Shop, user: User) -> None:
    """A failure too, or the page would see nothing but that something failed."""
    for path, headers, status in (
        ("/api/stripe/balance", user.headers, 200),
        ("/api/stripe/balance", {}, 401),
        ("/api/stripe/nothing", {}, 404),
        (BUY, {}, 405),
    ):
        answer = open_shop.http.get(path, headers={**headers, "Origin": APP})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == APP
        exposed = {
            name.strip() for name in answer.headers["access-control-expose-headers"].lower().split(",")
        }
        assert exposed == {"retry-after", "x-request-id"}
        assert answer.headers["x-request-id"]
        assert "origin" in answer.headers["vary"].lower()


def test_by_default_no_origin_is_allowed(shop: Shop, user: User) -> None:
    assert "access-control-allow-origin" not in preflight(shop, APP).headers
    answer = shop.http.get("/api/stripe/balance", headers={**user.headers, "Origin": APP})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
