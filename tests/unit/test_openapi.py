from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings

CONTRACT = {
    "/api/stripe/credit-packages": ("get", {"200", "401", "403", "500", "503"}),
    "/api/stripe/create-payment-intent": (
        "post",
        {"200", "400", "401", "402", "403", "404", "409", "413", "429", "500", "503"},
    ),
    "/api/stripe/payment-history": ("get", {"200", "401", "403", "500", "503"}),
    "/api/stripe/balance": ("get", {"200", "401", "403", "500", "503"}),
    "/api/stripe/webhook": ("post", {"200", "400", "413", "500", "503"}),
}


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    with TestClient(create_app(settings)) as client:
        served = [client.get(path) for path in ("/schema", "/schema/openapi.json", "/schema/openapi.yaml")]
    assert [response.status_code for response in served] == [200, 200, 200]
    assert served[0].json() == served[1].json()
    found: dict[str, Any] = served[1].json()
    return found


def test_every_endpoint_and_status_of_the_contract_is_documented(document: dict[str, Any]) -> None:
    for path, (method, statuses) in CONTRACT.items():
        operations = document["paths"][path]
        assert operations.keys() == {method}
        assert operations[method]["responses"].keys() == statuses
        assert operations[method]["description"]
    assert {path for path in document["paths"] if path.startswith("/api/")} == CONTRACT.keys()


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    examples = 0
    for path, (method, _) in CONTRACT.items():
        for status, response in document["paths"][path][method]["responses"].items():
            content = response["content"]["application/json"]
            validator = Draft202012Validator({**content["schema"], "components": document["components"]})
            for example in content["examples"].values():
                validator.validate(example["value"])
                assert example["value"]["success"] is (status == "200")
                examples += 1
    assert examples == sum(len(statuses) for _, statuses in CONTRACT.values())


def test_users_need_a_token_and_the_webhook_a_signature(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["supabase"]["scheme"] == "bearer"
    for path, (method, _) in CONTRACT.items():
        operation = document["paths"][path][method]
        if path.endswith("webhook"):
            assert operation["security"] == []
            assert [item["name"] for item in operation["parameters"]] == ["Stripe-Signature"]
        else:
            assert operation["security"] == [{"supabase": []}]


def test_the_body_of_a_purchase_is_documented(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/stripe/create-payment-intent"]["post"]["requestBody"]
    content = body["content"]["application/json"]
    assert body["required"] is True
    assert content["schema"]["required"] == ["creditPackageId"]
    Draft202012Validator(content["schema"]).validate(content["example"])


@pytest.mark.parametrize("origins", ["", "https://app.example.com,http://localhost:5173"])
def test_a_browser_may_call_from_the_configured_origins_alone(env: dict[str, str], origins: str) -> None:
    settings = Settings.from_env({**env, "TOPUP_CORS_ORIGINS": origins})
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    with TestClient(create_app(settings)) as client:
        for origin in (
            "https://app.example.com",
            "http://localhost:5173",
            "https://evil.example.com",
            "null",
        ):
            allowed = origin in origins.split(",")
            plain = client.get("/api/stripe/balance", headers={"origin": origin})
            preflight = client.options(
                "/api/stripe/create-payment-intent", headers={"origin": origin, **asked}
            )
            for response in (plain, preflight):
                granted = response.headers.get("access-control-allow-origin")
                assert granted == (origin if allowed else None)
            assert plain.status_code == 401
