"""Buying credits in a browser, and every way in which a card can say no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from playwright.sync_api import expect

from tests.browser.visitor import ASKS_AND_DECLINES, ASKS_THE_BANK, DECLINED, GOOD

if TYPE_CHECKING:
    from tests.browser.shop import Shop
    from tests.browser.visitor import Visitor


def test_from_sign_up_to_fifteen_credits_takes_fewer_than_ten_clicks(ada: Visitor) -> None:
    ada.sign_up()
    ada.has_balance("0.00")
    ada.sees("Nothing here yet")
    ada.pay(GOOD)
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert 0 < ada.clicks < 10


def test_the_credits_come_by_themselves_when_the_webhook_has_committed(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    shop.stripe.pause_deliveries()
    ada.pay(GOOD)
    ada.sees("Payment received")
    ada.sees("Adding 15.00 credits to your balance")
    expect(ada.page.locator("#balance")).to_have_text("0.00")
    shop.stripe.resume_deliveries()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")


def test_a_declined_card_costs_nothing_and_another_one_pays_the_same_purchase(
    ada: Visitor, shop: Shop
) -> None:
    ada.expected.add("402")
    ada.sign_up()
    ada.pay(DECLINED)
    ada.is_told("Your card has insufficient funds. Nothing was paid: check the card, or try another one.")
    ada.has_balance("0.00")
    expect(ada.page.get_by_role("listitem").filter(has_text="Not paid")).to_contain_text("insufficient funds")
    ada.keep_picture("declined")
    ada.type_card(GOOD)
    ada.pay_button().click()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


REFUSALS: Final = {
    "4000000000000069": "Your card has expired. Nothing was paid",
    "4000000000000127": "Your card's security code is incorrect. Nothing was paid",
    "4000000000000119": "An error occurred while processing your card. Try again in a little bit. Nothing",
    "4000000000000002": "Your card was declined. Nothing was paid",
    "4111111111111111": "Your request was in test mode, but used a non test card.",
}


def test_each_refusal_is_told_in_its_own_words(ada: Visitor) -> None:
    ada.expected.add("402")
    ada.sign_up()
    ada.package("Medium Package").click()
    for number, sentence in REFUSALS.items():
        ada.type_card(number)
        ada.pay_button().click()
        ada.is_told(sentence)
    ada.has_balance("0.00")


MISTYPED: Final = [
    ("number", ("424242424242", "1234", "123"), "Your card number is incomplete."),
    ("number", ("4242424242424241", "1234", "123"), "Your card number is invalid."),
    ("expiry", (GOOD, "1", "123"), "Your card's expiration date is incomplete."),
    ("expiry", (GOOD, "0120", "123"), "Your card's expiration year is in the past."),
    ("cvc", (GOOD, "1234", "1"), "Your card's security code is incomplete."),
]


def test_a_mistyped_card_is_told_at_its_field_and_sent_nowhere(ada: Visitor) -> None:
    ada.sign_up()
    ada.package("Medium Package").click()
    sent: list[str] = []
    ada.context.on("request", lambda request: sent.append(request.url))
    for field, (number, expiry, cvc), sentence in MISTYPED:
        ada.type_card(number, expiry=expiry, cvc=cvc)
        ada.pay_button().click()
        expect(ada.fields().get_by_text(sentence)).to_be_visible()
        expect(ada.fields().locator(f"#{field}")).to_have_accessible_description(sentence)
        expect(ada.fields().locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
    assert not [url for url in sent if url.endswith("/confirm")]
    ada.has_balance("0.00")


def test_what_the_bank_approves_is_credited(ada: Visitor) -> None:
    ada.sign_up()
    ada.pay(ASKS_THE_BANK)
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    ada.keep_picture("challenge")
    ada.answer_bank("Complete authentication")
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")


def test_what_the_bank_refuses_costs_nothing_and_can_be_tried_again(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.pay(ASKS_THE_BANK)
    ada.answer_bank("Fail authentication")
    ada.is_told(
        "Your bank could not confirm that it was you. Nothing was paid: try again, or use another card."
    )
    ada.has_balance("0.00")
    refused = ada.page.get_by_role("listitem").filter(has_text="Not paid")
    expect(refused).to_contain_text("Your bank could not confirm that it was you. Nothing was paid.")
    ada.pay_button().click()
    ada.answer_bank("Complete authentication")
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_closing_the_banks_question_is_a_refusal(ada: Visitor) -> None:
    ada.sign_up()
    ada.pay(ASKS_THE_BANK)
    expect(ada.page.frame_locator("dialog iframe").get_by_role("button").first).to_be_visible()
    ada.page.get_by_role("dialog").press("Escape")
    ada.is_told("Your bank could not confirm that it was you. Nothing was paid")
    ada.has_balance("0.00")


def test_a_card_that_is_declined_after_the_banks_question_costs_nothing(ada: Visitor) -> None:
    ada.sign_up()
    ada.pay(ASKS_AND_DECLINES)
    ada.answer_bank("Complete authentication")
    ada.is_told("Your card was declined. Nothing was paid")
    ada.has_balance("0.00")
