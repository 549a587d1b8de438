from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe as sdk

from service.sandbox.simulator import start_simulator
from tests.integration.simulator.payments import RETURN_URL
from tests.integration.simulator.schemas import components, problems

if TYPE_CHECKING:
    from service.sandbox.simulator import LocalStripe

# Fields that Stripe leaves out until something sets them or a caller expands them.
ABSENT = {
    "balance_transaction": set[str](),
    "charge": {"level3", "refunds", "transfer"},
    "customer": {
        "cash_balance",
        "deleted",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    },
    "dispute": set[str](),
    "event": {"account", "context"},
    "payment_intent": {"hooks", "managed_payments", "payment_record"},
    "payment_method": {
        name
        for name, schema in components()["payment_method"]["properties"].items()
        if name not in {"customer", "radar_options"} and ("allOf" in schema)
    },
    "refund": {
        "description",
        "failure_balance_transaction",
        "failure_reason",
        "instructions_email",
        "next_action",
        "pending_reason",
        "presentment_details",
    },
}
FORM = {
    "amount": "1000",
    "currency": "usd",
    "confirm": "true",
    "return_url": RETURN_URL,
    "metadata[order]": "7",
    "description": "Medium Package",
    "receipt_email": "jenny@example.com",
    "shipping[name]": "Jenny",
    "shipping[address][line1]": "1 Main Street",
}
MANDATE = {
    "mandate_data[customer_acceptance][type]": "online",
    "mandate_data[customer_acceptance][online][ip_address]": "127.0.0.1",
    "mandate_data[customer_acceptance][online][user_agent]": "test",
}


@pytest.fixture(scope="module")
def everything() -> list[dict[str, Any]]:
    """Objects of every kind in every state, as the API answers them and as events carry them."""
    with (
        start_simulator(settle_after=3600) as own,
        httpx.Client(
            base_url=own.url, headers={"Authorization": f"Bearer {own.secret_key}"}, timeout=60
        ) as http,
    ):
        seen = _play(http, own)
        for event in _all(http, "/v1/events"):
            seen += [event, event["data"]["object"]]
        for path in (
            "/v1/balance_transactions",
            "/v1/charges",
            "/v1/customers",
            "/v1/disputes",
            "/v1/payment_intents",
            "/v1/refunds",
        ):
            seen += _all(http, path)
    return seen


def _play(http: httpx.Client, local: LocalStripe) -> list[dict[str, Any]]:
    """A payment of each kind."""

    def post(path: str, **form: str) -> dict[str, Any]:
        answer: dict[str, Any] = http.post(f"/v1/{path}", data=form).json()
        return answer

    customer = post("customers", email="jenny@example.com", **{"address[city]": "Berlin"})
    post("payment_intents", amount="1000", currency="eur", customer=customer["id"])
    for method in (
        "pm_card_visa",
        "pm_card_amex",
        "pm_card_chargeDeclined",
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_radarBlock",
        "pm_card_authenticationRequired",
        "pm_card_createDispute",
        "pm_card_createDisputeInquiry",
        "pm_card_pendingRefund",
        "pm_card_refundFail",
    ):
        post("payment_intents", payment_method=method, customer=customer["id"], **FORM)
    for method in (
        "pm_usBankAccount_success",
        "pm_usBankAccount_insufficientFunds",
        "pm_usBankAccount_dispute",
    ):
        post("payment_intents", payment_method=method, **FORM, **MANDATE)
    post("payment_intents", payment_method="pm_sepaDebit_success_at", **FORM | {"currency": "eur"}, **MANDATE)
    waiting = [
        post("payment_intents", payment_method="pm_card_authenticationRequired", **FORM) for _ in range(2)
    ]
    local.authenticate(waiting[0]["id"], "succeed")
    local.authenticate(waiting[1]["id"], "fail")
    for end in ("capture", "cancel"):
        held = post("payment_intents", payment_method="pm_card_visa", capture_method="manual", **FORM)
        post(f"payment_intents/{held['id']}/{end}")
    saved = post("payment_methods/pm_card_mastercard/attach", customer=customer["id"])
    post(f"payment_methods/{saved['id']}/detach")
    local.settle()
    for intent in _all(http, "/v1/payment_intents"):
        if intent["status"] == "succeeded":
            post("refunds", payment_intent=intent["id"], amount="100", reason="requested_by_customer")
            post("refunds", payment_intent=intent["id"], amount="50")
    pending = next(refund for refund in _all(http, "/v1/refunds") if refund["status"] == "pending")
    local.move_refund(pending["id"], "requires_action")
    post(f"refunds/{pending['id']}/cancel")
    local.settle()
    [inquiry] = [each for each in _all(http, "/v1/disputes") if each["status"].startswith("warning")]
    first, second = (each for each in _all(http, "/v1/disputes") if each["id"] != inquiry["id"])
    for dispute in (inquiry, first, second):
        post(f"disputes/{dispute['id']}", **{"evidence[product_description]": "Credits"})
    local.resolve_dispute(first["id"], "win")
    local.resolve_dispute(second["id"], "lose")
    local.resolve_dispute(inquiry["id"], "escalate")
    deleted = post("customers", email="gone@example.com")
    http.delete(f"/v1/customers/{deleted['id']}")
    return [customer, saved]


def _all(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params: dict[str, str] = {"limit": "100"}
    while True:
        page = http.get(path, params=params).json()
        found += page["data"]
        if not page["has_more"]:
            return found
        params["starting_after"] = found[-1]["id"]


def test_every_object_satisfies_stripes_schema(everything: list[dict[str, Any]]) -> None:
    wrong: dict[str, str] = {}
    for each in everything:
        for problem in problems(each, each["object"]):
            wrong.setdefault(f"{each['object']}.{problem}", each["id"])
    assert wrong == {}


def test_every_object_has_every_field_of_the_pinned_version(everything: list[dict[str, Any]]) -> None:
    missing = {
        (each["object"], name)
        for each in everything
        for name in components()[each["object"]]["properties"].keys() - ABSENT[each["object"]] - each.keys()
    }
    assert missing == set()


def test_every_kind_and_state_was_seen(everything: list[dict[str, Any]]) -> None:
    assert {each["object"] for each in everything} == ABSENT.keys()
    states = {(each["object"], each.get("status")) for each in everything}
    assert states >= {
        ("payment_intent", status)
        for status in (
            "canceled",
            "processing",
            "requires_action",
            "requires_capture",
            "requires_confirmation",
            "requires_payment_method",
            "succeeded",
        )
    }
    assert states >= {
        ("refund", status) for status in ("canceled", "failed", "pending", "requires_action", "succeeded")
    }
    assert states >= {
        ("dispute", status)
        for status in ("lost", "needs_response", "under_review", "warning_needs_response", "won")
    }
    assert states >= {("charge", status) for status in ("failed", "pending", "succeeded")}


def test_the_sdk_reads_every_object(everything: list[dict[str, Any]]) -> None:
    classes: dict[str, type[sdk.StripeObject]] = {
        "balance_transaction": sdk.BalanceTransaction,
        "charge": sdk.Charge,
        "customer": sdk.Customer,
        "dispute": sdk.Dispute,
        "event": sdk.Event,
        "payment_intent": sdk.PaymentIntent,
        "payment_method": sdk.PaymentMethod,
        "refund": sdk.Refund,
    }
    for each in everything:
        read = classes[each["object"]].construct_from(each, key=None)
        assert read.to_dict() == each


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("GET", "/v1/payment_intents/pi_none", {}),
        ("GET", "/v1/nothing", {}),
        ("POST", "/v1/payment_intents", {"amount": "x"}),
        ("POST", "/v1/payment_intents", {**FORM, "payment_method": "pm_card_chargeDeclined"}),
        ("POST", "/v1/payment_intents", {**FORM, "payment_method": "pm_usBankAccount_success"}),
    ],
)
def test_every_error_comes_in_stripes_envelope(
    http: httpx.Client, method: str, path: str, form: dict[str, str]
) -> None:
    answer = http.request(method, path, data=form or None)
    assert answer.is_client_error
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"]["message"]
    for advice in ("advice_code", "network_decline_code"):  # Stripe sends them, the schema leaves them out
        body["error"].pop(advice, None)
    assert problems(body, "error_envelope") == []
