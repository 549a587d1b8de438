"""What a client can send wrongly: the envelope, the right status, a message that helps, and no purchase."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.service.shop import BUY, SMALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, User

JSON = "application/json"
REQUIRED = "Credit package ID is required"
MALFORMED = "The request body is not valid JSON"
NO_OBJECT = "The request body must be a JSON object"
NO_UUID = "creditPackageId must be a UUID"
NO_METHOD = "paymentMethodId must be the id of a PaymentMethod, pm_…"
NOT_FOUND = "Credit package not found"
TWO_MEGABYTES = 2 * 1024 * 1024


def order(**fields: object) -> bytes:
    return json.dumps({"creditPackageId": SMALL, **fields}).encode()


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, MALFORMED),
        (b"{", 400, MALFORMED),
        (b"{'creditPackageId': 1}", 400, MALFORMED),
        (b"creditPackageId=" + SMALL.encode(), 400, MALFORMED),
        (order() + b"}", 400, MALFORMED),
        (b"\xef\xbb\xbf" + order(), 400, MALFORMED),
        (order().decode().encode("utf-16"), 400, MALFORMED),
        (b'{"creditPackageId": "\xff"}', 400, MALFORMED),
        (b"[" * 8000, 400, MALFORMED),
        (b"null", 400, NO_OBJECT),
        (b"[]", 400, NO_OBJECT),
        (b"42", 400, NO_OBJECT),
        (json.dumps(SMALL).encode(), 400, NO_OBJECT),
        (b"{}", 400, REQUIRED),
        (order(creditPackageId=None), 400, REQUIRED),
        (order(creditPackageId=""), 400, REQUIRED),
        (order(creditPackageId=5), 400, NO_UUID),
        (order(creditPackageId=True), 400, NO_UUID),
        (order(creditPackageId=[SMALL]), 400, NO_UUID),
        (order(creditPackageId={"id": SMALL}), 400, NO_UUID),
        (order(creditPackageId="small"), 400, NO_UUID),
        (order(creditPackageId=f"{SMALL}'--"), 400, NO_UUID),
        (order(creditPackageId=f"{SMALL}\0"), 400, NO_UUID),
        (order(creditPackageId=str(uuid.uuid4())), 404, NOT_FOUND),
        (order(creditPackageId=str(uuid.UUID(int=0))), 404, NOT_FOUND),
        (order(paymentMethodId=""), 400, NO_METHOD),
        (order(paymentMethodId=5), 400, NO_METHOD),
        (order(paymentMethodId="card_visa"), 400, NO_METHOD),
        (order(paymentMethodId="pm_card_visa&amount=1"), 400, NO_METHOD),
        (order(paymentMethodId="pm_card_visa\n"), 400, NO_METHOD),
        (order(amount=1), 400, "Unknown field in the request body: amount"),
        (order(userId=str(uuid.uuid4())), 400, "Unknown field in the request body: userId"),
        (order(currency="vnd", z=1), 400, "Unknown field in the request body: currency"),
        (order(__proto__={}), 400, "Unknown field in the request body: __proto__"),
    ],
)
def test_a_bad_order_is_refused(  # noqa: PLR0913, PLR0917 - fixtures, and a row of the table
    shop: Shop, user: User, books: Books, body: bytes, status: int, message: str
) -> None:
    answer = shop.http.post(BUY, headers={**user.headers, "Content-Type": JSON}, content=body)
    assert answer.status_code == status
    assert answer.json() == {"success": False, "error": message}
    assert books.purchases(user.id) == []


def test_a_retired_package_cannot_be_bought(shop: Shop, user: User, books: Books) -> None:
    package = books.new_package(500)
    books.retire_test_packages()
    answer = shop.buy(user, package)
    assert (answer.status_code, answer.json()) == (404, {"success": False, "error": NOT_FOUND})
    assert books.purchases(user.id) == []


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_another_content_type_is_refused(shop: Shop, user: User, content_type: str) -> None:
    """A form on somebody else's page can send these; JSON it cannot send without being asked about CORS."""
    answer = shop.http.post(BUY, headers={**user.headers, "Content-Type": content_type}, content=order())
    assert answer.status_code == 400
    assert answer.json() == {"success": False, "error": "Content-Type must be application/json"}


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON", None])
def test_json_is_taken_however_it_is_labelled(shop: Shop, user: User, content_type: str | None) -> None:
    headers = user.headers if content_type is None else {**user.headers, "Content-Type": content_type}
    assert shop.http.post(BUY, headers=headers, content=order()).status_code == 200


@pytest.mark.parametrize(
    "values", [[b""], [b"a b"], [b"a\tb"], [b"x" * 256], [b"\xc3\xa9"], [b"\xff"], [b"a", b"b"], [b"a", b"a"]]
)
def test_a_bad_idempotency_key_is_refused(shop: Shop, user: User, books: Books, values: list[bytes]) -> None:
    headers = [(b"authorization", f"Bearer {user.token}".encode()), (b"content-type", JSON.encode())]
    headers += [(b"idempotency-key", value) for value in values]
    answer = shop.http.post(BUY, headers=headers, content=order())
    assert answer.status_code == 400
    error = "Idempotency-Key must be given once, 1 to 255 visible ASCII characters"
    assert answer.json() == {"success": False, "error": error}
    assert books.purchases(user.id) == []


def two_megabytes() -> Iterator[bytes]:
    """In chunks, so that no Content-Length gives it away."""
    for _ in range(32):
        yield b" " * (TWO_MEGABYTES // 32)


@pytest.mark.parametrize("path", [BUY, "/api/stripe/webhook"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_two_megabytes_is_refused(shop: Shop, user: User, path: str, *, chunked: bool) -> None:
    content = two_megabytes() if chunked else b" " * TWO_MEGABYTES
    answer = shop.http.post(path, headers=user.headers, content=content)
    assert answer.status_code == 413
    assert answer.json() == {"success": False, "error": "The request body is too large"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/stripe/credit-packages", "GET"),
        ("DELETE", "/api/stripe/credit-packages", "GET"),
        ("PUT", "/api/stripe/payment-history", "GET"),
        ("PATCH", "/api/stripe/balance", "GET"),
        ("GET", BUY, "POST"),
        ("PUT", BUY, "POST"),
        ("GET", "/api/stripe/webhook", "POST"),
        ("DELETE", "/api/stripe/webhook", "POST"),
        ("POST", "/health/ready", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    shop: Shop, user: User, method: str, path: str, allowed: str
) -> None:
    answer = shop.http.request(method, path, headers=user.headers)
    assert answer.status_code == 405
    assert answer.json() == {"success": False, "error": "Method not allowed"}
    assert allowed in answer.headers["allow"].split(", ")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/stripe",
        "/api/stripe/nothing",
        "/api/stripe/balance/1",
        "/api/stripe/..%2fbalance",
        "/api/stripe/balance%00",
        "/API/stripe/balance",
        "/schema/swagger",
        "/health",
        "/%ff%fe",
        "/" + "a" * 10_000,
    ],
)
def test_an_unknown_path_is_404_in_the_envelope(shop: Shop, user: User, path: str) -> None:
    answer = shop.http.get(path, headers=user.headers)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == JSON
    assert answer.json() == {"success": False, "error": "There is no such endpoint"}


def test_the_package_id_may_be_written_in_capitals(shop: Shop, user: User) -> None:
    shop.order(user, SMALL.upper())
