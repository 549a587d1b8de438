"""The OpenAPI document that is served lists the contract, and real answers fit it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from tests.integration.service.shop import BUY, MEDIUM
from tests.integration.service.webhooks import deliver, succeeded

if TYPE_CHECKING:
    import httpx

    from tests.integration.service.shop import Shop, StripeAccount, User

CONTRACT: dict[str, tuple[str, dict[str, Any]]] = {
    "/api/stripe/credit-packages": (
        "get",
        {
            "200": {
                "success": True,
                "data": [
                    {
                        "id": "5ca1ab1e-0000-4000-8000-000000000005",
                        "name": "Small Package",
                        "description": "Perfect for light usage",
                        "amount": 5.00,
                        "creditAmount": 5.00,
                        "isActive": True,
                    }
                ],
            },
            "401": {"success": False, "error": "User not authenticated"},
            "500": {"success": False, "error": "Failed to fetch credit packages"},
        },
    ),
    BUY: (
        "post",
        {
            "200": {
                "success": True,
                "data": {
                    "clientSecret": "pi_123456789_secret_abcdef",
                    "paymentIntentId": "pi_123456789",
                },
            },
            "400": {"success": False, "error": "Credit package ID is required"},
            "401": {"success": False, "error": "User not authenticated"},
            "500": {"success": False, "error": "Failed to create payment intent"},
        },
    ),
    "/api/stripe/payment-history": (
        "get",
        {
            "200": {
                "success": True,
                "data": [
                    {
                        "id": "0b7e3c1a-5d0f-4c86-9a55-1f7f0c1f6a11",
                        "amount": 15.00,
                        "creditAmount": 15.00,
                        "status": "succeeded",
                        "createdAt": "2023-01-01T00:00:00Z",
                        "description": "Medium Package purchase",
                    }
                ],
            },
            "401": {"success": False, "error": "User not authenticated"},
        },
    ),
    "/api/stripe/balance": (
        "get",
        {
            "200": {"success": True, "data": {"balance": 25.50, "currency": "usd"}},
            "401": {"success": False, "error": "User not authenticated"},
        },
    ),
    "/api/stripe/webhook": (
        "post",
        {"200": {"success": True}, "400": {"success": False, "error": "Invalid signature"}},
    ),
}


@pytest.fixture
def document(shop: Shop) -> dict[str, Any]:
    answer = shop.http.get("/schema/openapi.json")
    assert answer.status_code == 200
    parsed: dict[str, Any] = answer.json()
    return parsed


def test_the_document_lists_the_endpoints_of_the_contract_and_no_others(document: dict[str, Any]) -> None:
    listed = {path: list(operations) for path, operations in document["paths"].items()}
    assert listed == {
        **{path: [method] for path, (method, _) in CONTRACT.items()},
        "/health/live": ["get"],
        "/health/ready": ["get"],
    }


@pytest.mark.parametrize("path", CONTRACT)
def test_each_answer_of_the_contract_is_documented_with_its_example(
    document: dict[str, Any], path: str
) -> None:
    method, answers = CONTRACT[path]
    documented = document["paths"][path][method]["responses"]
    assert {
        status: [
            example["value"]
            for example in documented[status]["content"]["application/json"]["examples"].values()
        ]
        for status in answers
    } == {status: [example] for status, example in answers.items()}


def assert_fits(document: dict[str, Any], answer: httpx.Response) -> None:
    """The answer's status is documented for its endpoint, and its JSON has the documented shape."""
    operation = document["paths"][answer.request.url.path][answer.request.method.lower()]
    documented = operation["responses"][str(answer.status_code)]["content"]
    [schema] = [each["schema"] for media_type, each in documented.items() if media_type == "application/json"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


def test_real_answers_fit_the_document(
    shop: Shop, user: User, stripe: StripeAccount, document: dict[str, Any]
) -> None:
    bought = shop.buy(user, MEDIUM)
    intent = stripe.get(f"payment_intents/{bought.json()['data']['paymentIntentId']}")
    endless = shop.http.post(BUY, headers=user.headers, content=b" " * 100_000)
    for answer, status in (
        (bought, 200),
        (deliver(shop, succeeded(intent)), 200),
        (shop.read("credit-packages", user), 200),
        (shop.read("payment-history", user), 200),
        (shop.read("balance", user), 200),
        (shop.http.get("/health/live"), 200),
        (shop.http.get("/health/ready"), 200),
        (shop.buy(user, "small"), 400),
        (shop.http.post("/api/stripe/webhook"), 400),
        (shop.http.get("/api/stripe/balance"), 401),
        (shop.buy(user, "5ca1ab1e-0000-4000-8000-000000000000"), 404),
        (endless, 413),
    ):
        assert answer.status_code == status
        assert_fits(document, answer)


def test_the_document_asks_for_a_token_where_one_is_needed(document: dict[str, Any]) -> None:
    for path, (method, _) in CONTRACT.items():
        operation = document["paths"][path][method]
        assert operation["security"] == ([] if path.endswith("webhook") else [{"supabase": []}])
    assert document["components"]["securitySchemes"]["supabase"]["scheme"] == "bearer"
