"""What the history says of refunds, disputes and payments that came to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.visitor import DECLINED, GOOD

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.shop import Shop
    from tests.browser.visitor import Visitor

DISPUTED = "4000000000000259"


def entries(visitor: Visitor) -> Locator:
    """The rows of the history, newest first."""
    return visitor.page.locator("#history > li")


def test_refunds_and_disputes_are_explained_and_take_their_credits(ada: Visitor, shop: Shop) -> None:
    ada.expected.add("402")
    ada.sign_up()
    ada.pay(GOOD)
    ada.sees("15.00 credits added")
    [intent] = shop.payment_intents_of(ada.email)
    shop.call_stripe("POST", "refunds", payment_intent=intent, amount=500)
    ada.has_balance("10.00")
    expect(entries(ada).first).to_contain_text("Refund of Medium Package purchase")
    expect(entries(ada).first).to_contain_text(
        "Money went back to you, so the credits it had bought were taken"
    )
    expect(entries(ada).first).to_contain_text("-5.00")
    expect(entries(ada).nth(1)).to_contain_text("You paid $15.00. $5.00 of it was refunded.")

    ada.page.get_by_role("button", name="Buy more").click()
    ada.pay(DISPUTED, "Small Package")
    expect(entries(ada).first).to_contain_text("Dispute of Small Package purchase")
    expect(entries(ada).first).to_contain_text(
        "Your bank took the money back while it looks into this payment"
    )
    ada.has_balance("10.00")
    ada.page.get_by_role("button", name="Buy more").click()
    ada.pay(DECLINED, "Large Package")
    expect(entries(ada).first).to_contain_text("Your card has insufficient funds. Nothing was paid.")
    ada.page.get_by_role("button", name="Choose another package").click()
    ada.keep_picture("history")
    ada.page.emulate_media(color_scheme="dark")
    ada.keep_picture("history-dark")
    ada.page.emulate_media(color_scheme="light")
    ada.package("Medium Package").click()
    ada.type_card(GOOD)
    ada.keep_picture("readme")
    ada.page.get_by_role("button", name="Choose another package").click()

    disputes = shop.call_stripe("GET", "disputes", payment_intent=shop.payment_intents_of(ada.email)[1])
    shop.stripe.resolve_dispute(disputes["data"][0]["id"], "win")
    ada.has_balance("15.00")
    expect(ada.page.get_by_text("Your bank decided that the payment stands")).to_be_visible()


def test_a_payment_that_was_disputed_before_the_page_looked_is_no_longer_awaited(
    ada: Visitor, shop: Shop
) -> None:
    ada.sign_up()
    shop.stripe.pause_deliveries()
    ada.pay(DISPUTED)
    ada.sees("Payment received")
    ada.go_offline()
    shop.stripe.resume_deliveries()
    assert shop.purchases_of(ada.email) == ["disputed"]
    ada.come_back_online()
    ada.sees("The money has gone back since: the history tells why.")
    ada.has_balance("0.00")


def test_what_was_spent_refunded_and_is_owed_is_explained(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.pay(GOOD)
    ada.sees("15.00 credits added")
    user_id = ada.session["user"]["id"]
    spend = {"user_id": user_id, "amount": "12.5", "idempotency_key": "picture", "description": "A picture"}
    shop.call("spend_credits", **spend)
    ada.has_balance("2.50")
    expect(entries(ada).first).to_contain_text("A picture")
    expect(entries(ada).first).to_contain_text("-12.50")
    [intent] = shop.payment_intents_of(ada.email)
    shop.call_stripe("POST", "refunds", payment_intent=intent)
    ada.has_balance("-12.50")
    ada.sees("Below zero: more was refunded or disputed than was left. Your next purchase pays it off.")


def test_what_is_held_and_what_expires_is_told_beside_the_balance(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    user_id = ada.session["user"]["id"]
    shop.give(user_id, "Welcome", 5, expires_at="2099-05-03T12:00:00Z")
    ada.sees("5.00 expire on May 3, 2099.")
    hold = {"amount": 2, "idempotency_key": "work", "expires_in": "1 hour", "description": "A film"}
    shop.call("hold_credits", user_id=user_id, **hold)
    ada.sees("2.00 are held for work in progress, 3.00 are free. 5.00 expire on May 3, 2099.")
    ada.has_balance("5.00")


def test_a_long_history_is_shown_in_parts(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    older = ada.page.get_by_role("button", name="Show older")
    user_id = ada.session["user"]["id"]
    for number in range(20):
        shop.give(user_id, f"Present {number}", 1)
    ada.has_balance("20.00")
    expect(entries(ada)).to_have_count(20)
    expect(older).to_be_hidden()
    for number in range(20, 45):
        shop.give(user_id, f"Present {number}", 1)
    ada.has_balance("45.00")
    for shown in (20, 40):
        expect(entries(ada)).to_have_count(shown)
        older.click()
    expect(entries(ada)).to_have_count(45)
    expect(older).to_be_hidden()
    expect(entries(ada).first).to_contain_text("Present 44")
    expect(entries(ada).last).to_contain_text("Present 0")
    expect(entries(ada).last).to_contain_text("A present from us.")
