"""A purchase that is clicked twice, reloaded, opened in two tabs, or cut off from the network."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests import loopback
from tests.browser.visitor import ASKS_THE_BANK, GOOD
from tests.integration.service.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.shop import Shop
    from tests.browser.visitor import Visitor


def test_a_double_click_on_everything_is_one_purchase(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.package("Medium Package").dblclick()
    ada.type_card(GOOD)
    confirmed: list[str] = []
    ada.context.on("request", lambda request: confirmed.append(request.url))
    ada.pay_button().dblclick()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]
    assert len([url for url in confirmed if url.endswith("/confirm")]) == 1


def test_coming_back_to_a_package_goes_on_with_the_same_purchase(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    for name in ("Medium Package", "Small Package", "Medium Package"):
        ada.package(name).click()
        expect(ada.page.get_by_role("heading", name=name)).to_be_visible()
        ada.page.get_by_role("button", name="Choose another package").click()
    assert len(shop.payment_intents_of(ada.email)) == 2


def test_a_second_purchase_of_the_same_package_is_another_one(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.pay(GOOD)
    ada.sees("15.00 credits added")
    ada.page.get_by_role("button", name="Buy more").click()
    ada.pay(GOOD)
    ada.has_balance("30.00")
    assert shop.purchases_of(ada.email) == ["succeeded", "succeeded"]


def test_a_reload_before_paying_comes_back_to_the_same_purchase(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.package("Medium Package").click()
    ada.type_card(GOOD)
    ada.page.reload()
    ada.type_card(GOOD)
    ada.pay_button().click()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_a_reload_during_the_banks_question_asks_again(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.pay(ASKS_THE_BANK)
    expect(ada.page.frame_locator("dialog iframe").get_by_role("button").first).to_be_visible()
    ada.page.reload()
    ada.answer_bank("Complete authentication")
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_a_reload_while_paying_shows_what_became_of_it(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    shop.stripe.add_fault("slow", method="POST", path=".*/confirm", seconds=600)
    ada.pay(GOOD)
    eventually(lambda: not shop.stripe.faults(), "Stripe is asked to confirm")
    ada.page.reload()
    expect(ada.fields().get_by_label("Card number")).to_be_visible()
    shop.stripe.clear_faults()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


@pytest.mark.parametrize(
    ("button", "sentence", "balance"),
    [
        ("Complete authentication", "15.00 credits added", "15.00"),
        ("Fail authentication", "Your bank could not confirm that it was you. Nothing was paid", "0.00"),
    ],
    ids=["paid", "refused"],
)
def test_coming_back_from_the_banks_own_page_shows_the_result(
    ada: Visitor, shop: Shop, button: str, sentence: str, balance: str
) -> None:
    ada.sign_up()
    ada.package("Medium Package").click()
    expect(ada.pay_button()).to_be_visible()
    [intent] = shop.payment_intents_of(ada.email)
    # As Stripe.js does with a payment method that leads to another site.
    answer = loopback.post(
        f"{shop.stripe.url}/v1/payment_intents/{intent}/confirm",
        headers={"Authorization": f"Bearer {shop.stripe.publishable_key}"},
        data={
            "client_secret": shop.call_stripe("GET", f"payment_intents/{intent}")["client_secret"],
            "payment_method": "pm_card_authenticationRequired",
            "return_url": f"{shop.page_url}/",
        },
    )
    ada.page.goto(answer.json()["next_action"]["redirect_to_url"]["url"])
    ada.page.get_by_role("button", name=button).click()
    ada.sees(sentence)
    assert urlsplit(ada.page.url).query == ""
    ada.has_balance(balance)


def test_another_tab_sees_the_balance_change(ada: Visitor) -> None:
    ada.sign_up()
    other = ada.open_tab()
    ada.has_balance("0.00", other)
    ada.page.bring_to_front()
    ada.pay(GOOD)
    ada.has_balance("15.00", other)


def test_signing_out_in_one_tab_signs_out_the_other(ada: Visitor) -> None:
    ada.sign_up()
    other = ada.open_tab()
    expect(ada.package("Medium Package", other)).to_be_visible()
    ada.page.bring_to_front()
    ada.page.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Create your account")).to_be_visible()
    expect(other.locator("#shop")).to_be_hidden()


def open_twin(ada: Visitor) -> Page:
    """A second tab as "Duplicate tab" makes it: with a copy of the first one's session storage."""
    with ada.context.expect_page() as opening:
        ada.page.evaluate("void window.open(location.href)")
    return opening.value


def test_one_purchase_in_two_tabs_is_paid_once(ada: Visitor, shop: Shop) -> None:
    ada.expected.add("400")  # Stripe refuses the second payment
    ada.sign_up()
    ada.package("Medium Package").click()
    ada.type_card(GOOD)
    twin = open_twin(ada)
    ada.type_card(GOOD, twin)
    shop.stripe.pause_deliveries()  # so that neither tab knows of the other's payment
    ada.page.bring_to_front()
    ada.pay_button().click()
    ada.sees("Payment received")
    twin.bring_to_front()
    ada.pay_button(twin).click()
    ada.sees("Payment received", twin)
    shop.stripe.resume_deliveries()
    ada.sees("15.00 credits added")
    ada.sees("15.00 credits added", twin)
    ada.has_balance("15.00")
    ada.has_balance("15.00", twin)
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_a_form_whose_purchase_was_paid_in_another_tab_says_so(ada: Visitor) -> None:
    ada.sign_up()
    ada.package("Medium Package").click()
    ada.type_card(GOOD)
    twin = open_twin(ada)
    expect(ada.pay_button(twin)).to_be_visible()
    ada.page.bring_to_front()
    ada.pay_button().click()
    ada.sees("15.00 credits added", twin)
    ada.has_balance("15.00", twin)


def test_choosing_a_package_offline_can_be_done_again(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.go_offline()
    ada.package("Medium Package").click()
    ada.is_told("You seem to be offline. Nothing was paid")
    ada.come_back_online()
    ada.pay(GOOD)
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_paying_offline_is_cleared_up_when_the_network_is_back(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.package("Medium Package").click()
    ada.type_card(GOOD)
    ada.go_offline()
    ada.pay_button().click()
    ada.is_told("The connection was lost, so we do not know yet whether you have paid.")
    ada.keep_picture("offline")
    ada.come_back_online()
    ada.is_told("The connection was lost before the payment was made. Nothing was paid: please try again.")
    ada.has_balance("0.00")
    ada.pay_button().click()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_a_payment_whose_answer_was_lost_is_found_out_and_not_made_again(ada: Visitor, shop: Shop) -> None:
    # Chromium may ask once more by itself, and is then refused: the payment has succeeded.
    ada.expected |= {"offline", "400"}
    ada.sign_up()
    shop.stripe.add_fault("lose_answer", method="POST", path=".*/confirm")
    ada.pay(GOOD)
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_credits_that_came_while_offline_are_there_when_the_network_is_back(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    shop.stripe.pause_deliveries()
    ada.pay(GOOD)
    ada.sees("Payment received")
    ada.go_offline()
    shop.stripe.resume_deliveries()
    assert shop.balance_of(ada.email) == 15
    expect(ada.page.locator("#balance")).to_have_text("0.00")
    ada.come_back_online()
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
