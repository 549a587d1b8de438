"""The envelope, whatever goes wrong. Nothing here reaches Supabase or Stripe, so neither runs."""

from collections.abc import Iterator

import pytest
from litestar import Litestar, get
from litestar.exceptions import InternalServerException
from litestar.testing import TestClient

from service import errors
from service.app import create_app
from service.settings import Settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient[Litestar]]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/", 404, "There is no such endpoint"),
        ("GET", "/api/stripe/nothing", 404, "There is no such endpoint"),
        ("GET", "/schema/nothing", 404, "There is no such endpoint"),
        ("GET", "/schema/nothing.json", 404, "There is no such endpoint"),
        ("POST", "/api/stripe/balance", 405, "Method not allowed"),
        ("GET", "/api/stripe/webhook", 405, "Method not allowed"),
        ("PUT", "/api/stripe/create-payment-intent", 405, "Method not allowed"),
        ("GET", "/api/stripe/credit-packages", 401, "User not authenticated"),
        ("GET", "/api/stripe/payment-history", 401, "User not authenticated"),
        ("GET", "/api/stripe/balance", 401, "User not authenticated"),
        ("POST", "/api/stripe/create-payment-intent", 401, "User not authenticated"),
        ("POST", "/api/stripe/webhook", 400, "Invalid signature"),
    ],
)
def test_every_refusal_is_in_the_envelope(
    client: TestClient[Litestar], method: str, path: str, status: int, message: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"success": False, "error": message}


def test_a_wrong_method_is_told_the_right_one(client: TestClient[Litestar]) -> None:
    assert "GET" in client.post("/api/stripe/balance").headers["allow"]


def test_a_401_names_the_scheme(client: TestClient[Litestar]) -> None:
    assert client.get("/api/stripe/balance").headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", "abc", "Bearer a b", "Bearer \xff"],
)
def test_what_is_no_bearer_token_is_401(client: TestClient[Litestar], authorization: str) -> None:
    headers = [(b"authorization", authorization.encode("latin-1"))]
    assert client.get("/api/stripe/balance", headers=headers).status_code == 401


@pytest.mark.parametrize("size", [2 * 1024 * 1024, 1024 * 1024 + 1])
def test_a_webhook_that_is_too_large_is_413(client: TestClient[Litestar], size: int) -> None:
    def in_chunks() -> Iterator[bytes]:
        for _ in range(0, size, 65536):
            yield b"x" * 65536

    for content in (b"x" * size, in_chunks()):
        response = client.post("/api/stripe/webhook", content=content)
        assert response.status_code == 413
        assert response.json() == {"success": False, "error": "The request body is too large"}


def test_a_webhook_of_the_largest_size_is_read(client: TestClient[Litestar]) -> None:
    assert client.post("/api/stripe/webhook", content=b"x" * 1024 * 1024).status_code == 400


def test_an_invalid_host_header_is_400(client: TestClient[Litestar]) -> None:
    response = client.get("/api/stripe/balance", headers={"host": "a b"})
    assert response.status_code == 400
    assert response.json() == {"success": False, "error": "Invalid request"}


@pytest.mark.parametrize(
    ("error", "status", "message", "retry_after"),
    [
        (errors.InvalidRequestError("Say it so", "code"), 400, "Say it so", None),
        (errors.CardDeclinedError("Your card was declined.", "code"), 402, "Your card was declined.", None),
        (errors.ForbiddenError("No", "code"), 403, "No", None),
        (errors.NotFoundError("None", "code"), 404, "None", None),
        (errors.ConflictError("Twice", "code"), 409, "Twice", None),
        (errors.TooManyRequestsError("Slower", "code"), 429, "Slower", "60"),
        (errors.UnavailableError("code"), 503, "Temporarily unavailable, please try again", "5"),
        (errors.FailedError("code"), 500, "Failed to do it", None),
        (errors.CustomerGoneError(), 500, "Failed to do it", None),
        (InternalServerException("a detail of the inside"), 500, "Failed to do it", None),
        (RuntimeError("a detail of the inside"), 500, "Failed to do it", None),
    ],
)
def test_each_error_has_its_status_words_and_headers(
    client: TestClient[Litestar], error: Exception, status: int, message: str, retry_after: str | None
) -> None:
    @get("/fails", opt={errors.FAILURE_TEXT: "Failed to do it"})
    async def fail() -> None:
        raise error

    client.app.register(fail)
    response = client.get("/fails")
    assert response.status_code == status
    assert response.json() == {"success": False, "error": message}
    assert response.headers.get("retry-after") == retry_after


def test_a_route_without_words_of_its_own_fails_in_general_ones(client: TestClient[Litestar]) -> None:
    @get("/fails")
    async def fail() -> None:
        raise ValueError("a detail of the inside")

    client.app.register(fail)
    assert client.get("/fails").json() == {"success": False, "error": "Internal server error"}


def test_the_process_is_live_though_supabase_is_not_there(env: dict[str, str]) -> None:
    nowhere = Settings.from_env({**env, "SUPABASE_URL": "http://127.0.0.1:9"})
    with TestClient(create_app(nowhere)) as client:
        assert client.get("/health/live").json() == {"success": True, "data": {"status": "live"}}
        response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.json() == {"success": False, "error": "Not ready: the database cannot be reached"}
