"""A page of an app, with supabase-js in Node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.pages import visit
from tests.e2e.public_schema import read_functions, read_views

if TYPE_CHECKING:
    from service.sandbox.stack import Stack

NOTHING = {"balance": {"balance": 0, "held": 0, "currency": "usd"}, "ledger": []}
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module", name="bought")
def buy(stack: Stack) -> dict[str, Any]:
    """Everything that a page saw from sign-up to credits."""
    seen: dict[str, Any] = visit(stack, "buy")
    return seen


def test_a_new_user_has_no_credits_and_no_ledger(bought: dict[str, Any]) -> None:
    assert bought["before"] == NOTHING


def test_a_user_buys_a_package_and_has_its_credits(bought: dict[str, Any]) -> None:
    assert (bought["created"]["status"], bought["created"]["success"]) == (200, True)
    assert bought["confirmed"] == "succeeded"
    purchase = bought["purchase"]
    assert purchase["user_id"] == bought["user_id"]
    assert purchase["package_id"] == bought["packages"][1]["id"]
    assert purchase["stripe_payment_intent_id"] == bought["created"]["data"]["paymentIntentId"]
    assert (purchase["amount"], purchase["currency"], purchase["credits"]) == (15, "usd", 15)
    assert (purchase["refunded_amount"], purchase["disputed_amount"], purchase["failure_code"]) == (
        0,
        0,
        None,
    )
    assert bought["after"]["balance"] == {"balance": 15, "held": 0, "currency": "usd"}
    [entry] = bought["after"]["ledger"]
    assert (entry["user_id"], entry["transaction_id"]) == (bought["user_id"], purchase["id"])
    assert (entry["kind"], entry["amount"], entry["balance_after"]) == ("purchase", 15, 15)
    assert entry["description"] == purchase["description"] == "Medium Package purchase"


def test_a_click_that_is_sent_twice_with_one_key_is_one_purchase(bought: dict[str, Any]) -> None:
    assert bought["createdAgain"] == bought["created"]
    assert len(bought["contract"]["history"]["data"]) == 1


def test_the_contract_says_what_the_views_say(bought: dict[str, Any]) -> None:
    on_sale = [
        {
            **{name: package[name] for name in ("id", "name", "description", "amount")},
            "creditAmount": package["credits"],
            "isActive": package["is_active"],
        }
        for package in bought["packages"]
    ]
    assert [package["name"] for package in on_sale] == ["Small Package", "Medium Package", "Large Package"]
    assert bought["contract"]["packages"] == {"status": 200, "success": True, "data": on_sale}
    purchase = bought["purchase"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", purchase["created_at_iso"])
    assert purchase["created_at_iso"][:19] == purchase["created_at"][:19]
    assert bought["contract"]["history"]["data"] == [
        {
            **{name: purchase[name] for name in ("id", "amount", "status", "description")},
            "creditAmount": purchase["credits"],
            "createdAt": purchase["created_at_iso"],
        }
    ]
    assert re.fullmatch(UUID, purchase["id"])
    assert bought["contract"]["balance"]["data"] == {"balance": 15, "currency": "usd"}


def test_a_declined_card_costs_nothing_and_a_good_one_pays_the_same_payment_intent(stack: Stack) -> None:
    seen = visit(stack, "declined_then_paid")
    declined, paid = seen["declined"], seen["paid"]
    assert (declined["error"]["type"], declined["error"]["code"]) == ("card_error", "card_declined")
    assert declined["purchase"]["failure_code"] == "insufficient_funds"
    assert declined["purchase"]["failure_message"] == declined["error"]["message"]
    assert {name: declined[name] for name in NOTHING} == NOTHING
    assert paid["purchase"]["id"] == declined["purchase"]["id"]
    assert (paid["purchase"]["failure_code"], paid["purchase"]["failure_message"]) == (None, None)
    assert paid["balance"]["balance"] == 15
    assert [entry["kind"] for entry in paid["ledger"]] == ["purchase"]


def test_three_d_secure_credits_only_what_the_bank_has_approved(stack: Stack) -> None:
    seen = visit(stack, "three_d_secure")
    for challenge, status in ((seen["failed"], "failed"), (seen["passed"], "succeeded")):
        waiting = challenge["waiting"]
        assert waiting["confirmed"] == "requires_action"
        assert {name: waiting[name] for name in NOTHING} == NOTHING
        assert challenge["returned_to"].startswith("https://app.example.com/paid?order=7&payment_intent=pi_")
        assert challenge["returned_to"].endswith(f"&redirect_status={status}")
        assert challenge["purchase"]["status"] == status
    assert seen["failed"]["purchase"]["failure_code"] == "payment_intent_authentication_failure"
    assert seen["passed"]["purchase"]["failure_code"] is None
    assert seen["balance"]["balance"] == 15
    assert [entry["amount"] for entry in seen["ledger"]] == [15]


@pytest.fixture(scope="module", name="trespassing")
def prepare_trespass(stack: Stack, bought: dict[str, Any]) -> dict[str, Any]:
    """Whose money to look for, and everything that can be asked for in `public`."""
    functions = {each.name: dict.fromkeys(each.parameters) for each in read_functions(stack)}
    return {
        "victim": bought["user_id"],
        "purchase": bought["purchase"]["id"],
        "views": read_views(stack),
        "functions": functions,
    }


def test_another_user_sees_nothing_of_it_and_can_change_nothing(
    stack: Stack, trespassing: dict[str, Any]
) -> None:
    seen = visit(stack, "trespass", signed_in=True, **trespassing)
    attempts = seen["attempts"]
    own = {"credit_packages: all": 3, "credit_packages: counted": 3, "packages with purchases": 3}
    own |= {"credit_balance: all": 1, "credit_balance: counted": 1, "credit_balance: by or": 1}
    for name, attempt in attempts.items():
        assert attempt["count"] == own.get(name, 0), name
        assert trespassing["victim"] not in str(attempt["data"]), name
        assert trespassing["purchase"] not in str(attempt["data"]), name
        if attempt["status"] == 200:
            assert re.search(r": (all|counted|by user|by or)$|^packages with|^ledger of", name), name
    assert all(attempts[f"{name}()"]["status"] == 403 for name in trespassing["functions"])
    assert attempts["credit_events: all"]["status"] == 403
    assert seen["own"] == {"balance": 0}
    assert (seen["history"]["status"], seen["history"]["data"]) == (200, [])
    assert seen["balance"]["data"] == {"balance": 0, "currency": "usd"}


def test_nobody_signed_in_sees_nothing_at_all(stack: Stack, trespassing: dict[str, Any]) -> None:
    seen = visit(stack, "trespass", signed_in=False, **trespassing)
    for name, attempt in seen["attempts"].items():
        assert attempt["status"] >= 400, name
        assert attempt["data"] is None, name
    assert all(seen["attempts"][f"{name}()"]["status"] == 401 for name in trespassing["functions"])
    assert all(seen["attempts"][f"{view}: all"]["status"] == 401 for view in trespassing["views"])
    refused = {"status": 401, "success": False, "error": "User not authenticated"}
    assert seen["history"] == seen["balance"] == refused
