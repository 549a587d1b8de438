"""The endpoints' JSON as the contract has it: fields, their order, types, and how a number is spelled."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.service.shop import BUY, LARGE, MEDIUM, SMALL
from tests.integration.service.webhooks import deliver, succeeded

if TYPE_CHECKING:
    import httpx

    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Number(NamedTuple):
    """A JSON number as it was written."""

    written: str


def spelled(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    """The answer's JSON: an object is a list of its fields in order, a number is as it was written."""
    return json.loads(answer.content, object_pairs_hook=list, parse_float=Number, parse_int=Number)


def data_of(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    """The data in the envelope of a success."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (success, (name, data)) = spelled(answer)
    assert success == ("success", True)
    assert name == "data"
    return data


def test_credit_packages(shop: Shop, user: User) -> None:
    assert data_of(shop.read("credit-packages", user)) == [
        [
            ("id", package),
            ("name", name),
            ("description", description),
            ("amount", Number(price)),
            ("creditAmount", Number(price)),
            ("isActive", True),
        ]
        for package, name, description, price in (
            (SMALL, "Small Package", "Perfect for light usage", "5.00"),
            (MEDIUM, "Medium Package", "For everyday work", "15.00"),
            (LARGE, "Large Package", "For teams and heavy use", "50.00"),
        )
    ]


def test_a_retired_package_is_listed_no_more(shop: Shop, user: User, books: Books) -> None:
    package = books.new_package(700)
    assert package in shop.read("credit-packages", user).text
    books.retire_test_packages()
    assert package not in shop.read("credit-packages", user).text


def test_create_payment_intent(shop: Shop, user: User, stripe: StripeAccount) -> None:
    data = data_of(shop.buy(user, MEDIUM, method="pm_card_visa"))
    assert [name for name, _ in data] == ["clientSecret", "paymentIntentId"]
    intent = stripe.get(f"payment_intents/{dict(data)['paymentIntentId']}")
    assert dict(data) == {"clientSecret": intent["client_secret"], "paymentIntentId": intent["id"]}
    assert intent["client_secret"].startswith(f"{intent['id']}_secret_")


def test_payment_history(shop: Shop, user: User, stripe: StripeAccount, books: Books) -> None:
    intent = shop.order(user, MEDIUM)
    assert stripe.pay(intent) == "succeeded"
    stripe.wait_for_webhooks()
    purchase = books.purchase(intent["paymentIntentId"])
    assert data_of(shop.read("payment-history", user)) == [
        [
            ("id", str(purchase["id"])),
            ("amount", Number("15.00")),
            ("creditAmount", Number("15.00")),
            ("status", "succeeded"),
            ("createdAt", purchase["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ")),
            ("description", "Medium Package purchase"),
        ]
    ]


def test_payment_history_is_empty_before_the_first_purchase(shop: Shop, user: User) -> None:
    assert data_of(shop.read("payment-history", user)) == []


def test_payment_history_holds_the_newest_1000_purchases_newest_first(
    shop: Shop, user: User, books: Books
) -> None:
    books.execute("insert into credits.accounts (user_id, auth_user_id) values (%s, %s)", user.id, user.id)
    books.execute(
        "insert into credits.transactions "
        "(user_id, package_id, description, amount_minor, currency, credits, livemode, created_at) "
        "select %s, %s, 'Purchase ' || n, 500, 'usd', 5, false, now() - n * interval '1 minute' "
        "from generate_series(1, 1001) as n",
        user.id,
        SMALL,
    )
    descriptions = [dict(payment)["description"] for payment in data_of(shop.read("payment-history", user))]
    assert descriptions == [f"Purchase {n}" for n in range(1, 1001)]


@pytest.mark.parametrize(
    ("price", "written"), [(("usd", 1999), "19.99"), (("jpy", 1500), "1500"), (("kwd", 1500), "1.500")]
)
def test_amounts_have_the_decimals_of_their_currency(
    shop: Shop, user: User, books: Books, price: tuple[str, int], written: str
) -> None:
    currency, amount_minor = price
    package = books.new_package(amount_minor, currency)
    shop.order(user, package)
    [payment] = data_of(shop.read("payment-history", user))
    assert dict(payment)["amount"] == Number(written)
    listed = [dict(each) for each in data_of(shop.read("credit-packages", user))]
    assert {each["id"]: each["amount"] for each in listed}[package] == Number(written)


@pytest.mark.parametrize(
    ("grants", "written"),
    [
        ((), "0.00"),
        (("25.5",), "25.50"),
        (("25.500000",), "25.50"),
        (("0.1", "0.2"), "0.30"),
        (("0.000001",), "0.000001"),
        (("99999999999999.999999",), "99999999999999.999999"),
    ],
)
def test_balance(shop: Shop, user: User, books: Books, grants: tuple[str, ...], written: str) -> None:
    """Credits have two decimals at least, and no digit is lost to a float."""
    for amount in grants:
        books.rows(
            "select * from public.grant_credits(%s, %s::numeric, 'Welcome', %s)",
            user.id,
            amount,
            uuid.uuid4().hex,
        )
    assert data_of(shop.read("balance", user)) == [("balance", Number(written)), ("currency", "usd")]


def test_a_debt_is_shown_below_zero(shop: Shop, user: User, books: Books, stripe: StripeAccount) -> None:
    intent = shop.order(user)
    stripe.pay(intent)
    stripe.wait_for_webhooks()
    books.execute("select public.spend_credits(%s, 4.5, 'spent', 'Spent')", user.id)
    stripe.post("refunds", payment_intent=intent["paymentIntentId"])
    stripe.wait_for_webhooks()
    assert data_of(shop.read("balance", user))[0] == ("balance", Number("-4.50"))


def test_webhook(shop: Shop, user: User, stripe: StripeAccount) -> None:
    intent = stripe.get(f"payment_intents/{shop.order(user)['paymentIntentId']}")
    answer = deliver(shop, succeeded(intent))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == b'{"success":true}'


def test_a_failure_is_the_contracts_envelope(shop: Shop) -> None:
    answer = shop.http.get("/api/stripe/balance")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == b'{"success":false,"error":"User not authenticated"}'


@pytest.fixture(name="answers")
def ask_every_kind_of_question(shop: Shop, user: User) -> list[httpx.Response]:
    """One answer of every kind."""
    get, post = shop.http.get, shop.http.post
    return [
        get("/health/live"),
        get("/health/ready"),
        get("/schema/openapi.json"),
        shop.read("balance", user),
        get("/api/stripe/balance"),
        post("/api/stripe/balance"),
        get("/api/stripe/nothing"),
        get("/schema/nothing"),
        post("/api/stripe/webhook"),
        post(BUY, headers=user.headers),
        post(BUY, headers=user.headers, content=b"x" * 100_000),
    ]


def test_every_answer_has_a_request_id_of_its_own(answers: list[httpx.Response]) -> None:
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(answers)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_no_answer_may_be_stored_or_taken_for_something_else(answers: list[httpx.Response]) -> None:
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    assert not [answer for answer in answers if "server" in answer.headers]


@pytest.mark.parametrize("path", ["/health/live", "/api/stripe/balance", "/nothing"])
def test_a_request_id_that_came_along_is_echoed(shop: Shop, path: str) -> None:
    answer = shop.http.get(path, headers={"X-Request-ID": "edge-1:2026.07_a"})
    assert answer.headers.get_list("x-request-id") == ["edge-1:2026.07_a"]


@pytest.mark.parametrize("given", [b"", b"a b", b"a" * 129, b"\xff", b'"}{"a":"', "ä".encode()])
def test_a_request_id_that_could_forge_a_log_line_is_replaced(shop: Shop, given: bytes) -> None:
    answer = shop.http.get("/health/live", headers=[(b"x-request-id", given)])
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("pm_card_visa", "succeeded"),
        ("pm_card_visa_chargeDeclined", "failed"),
        ("pm_card_authenticationRequired", "requires_action"),
        ("pm_card_createDispute", "disputed"),
    ],
)
def test_history_shows_what_became_of_a_payment(
    shop: Shop, user: User, stripe: StripeAccount, method: str, status: str
) -> None:
    stripe.pay(shop.order(user), method)
    stripe.wait_for_webhooks()
    [payment] = shop.read("payment-history", user).json()["data"]
    assert payment["status"] == status
