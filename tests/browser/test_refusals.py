"""What a visitor is told when the service, or the sign-in, says no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.shop import Shop
    from tests.browser.visitor import Visitor


@pytest.fixture(name="retired")
def retire(shop: Shop) -> Iterator[Callable[[str], None]]:
    """Takes a package off sale for the length of the test."""

    def change(name: str) -> None:
        shop.execute("update credits.packages set is_active = false where name = %s", name)

    yield change
    shop.execute("update credits.packages set is_active = true")


def test_a_package_that_is_no_longer_on_sale(ada: Visitor, retired: Callable[[str], None]) -> None:
    ada.expected.add("404")
    ada.sign_up()
    retired("Large Package")
    ada.package("Large Package").click()
    ada.is_told("This package is no longer on sale. Please choose another one.")
    ada.has_balance("0.00")
    ada.package("Medium Package").click()
    expect(ada.pay_button()).to_be_visible()


def test_stripe_out_of_reach(ada: Visitor, shop: Shop) -> None:
    ada.expected.add("503")
    ada.sign_up()
    shop.stripe.add_fault("refuse", status=429, method="POST", path="/v1/payment_intents", times=9)
    ada.package("Medium Package").click()
    ada.is_told("We cannot take payments at this moment. Nothing was paid")
    ada.keep_picture("unavailable")
    shop.stripe.clear_faults()
    ada.pay(GOOD)
    ada.has_balance("15.00")
    assert shop.purchases_of(ada.email) == ["succeeded"]


def test_too_many_purchases_that_nobody_pays(ada: Visitor, shop: Shop) -> None:
    ada.expected.add("429")
    shop.execute("update credits.settings set max_open_purchases = 1")
    try:
        ada.sign_up()
        ada.package("Medium Package").click()
        ada.page.get_by_role("button", name="Choose another package").click()
        ada.package("Small Package").click()
        ada.is_told("You have begun many purchases without paying. Pay one of them, or come back in an hour.")
    finally:
        shop.execute("update credits.settings set max_open_purchases = default")
    ada.has_balance("0.00")


def test_stripe_js_that_does_not_load_is_loaded_with_the_next_click(visit: Callable[..., Visitor]) -> None:
    ada = visit()
    ada.expected.add("offline")
    ada.context.route("**/stripe.js", lambda route: route.abort("internetdisconnected"))
    ada.sign_up()
    ada.package("Medium Package").click()
    ada.is_told("You seem to be offline. Nothing was paid")
    ada.context.unroute("**/stripe.js")
    ada.pay(GOOD)
    ada.has_balance("15.00")


def test_signing_in_with_the_wrong_password_and_then_the_right_one(ada: Visitor) -> None:
    ada.expected.add("400")
    ada.sign_up()
    ada.page.get_by_role("button", name="Sign out").click()
    ada.page.get_by_role("button", name="Sign in").click()
    ada.page.get_by_label("E-mail address").fill(ada.email)
    ada.page.get_by_label("Password").fill("not the password")
    ada.page.locator("#enter").click()
    ada.is_told("This e-mail address and password do not belong together.")
    ada.page.get_by_label("Password").fill(ada.password)
    ada.page.get_by_label("Password").press("Enter")
    expect(ada.package("Medium Package")).to_be_visible()
    ada.has_balance("0.00")


def test_signing_up_twice(visit: Callable[..., Visitor]) -> None:
    ada, again = visit(), visit()
    again.expected |= {"400", "422"}
    ada.sign_up()
    again.page.get_by_label("E-mail address").fill(ada.email)
    again.page.get_by_label("Password").fill(again.password)
    again.page.locator("#enter").click()
    again.is_told("There is an account with this e-mail address already. Sign in instead.")


def test_signing_up_offline(ada: Visitor) -> None:
    ada.page.get_by_label("E-mail address").fill(ada.email)
    ada.page.get_by_label("Password").fill(ada.password)
    ada.go_offline()
    ada.page.locator("#enter").click()
    ada.is_told("You seem to be offline. Check your connection and try again.")
    ada.come_back_online()
    ada.page.locator("#enter").click()
    expect(ada.package("Medium Package")).to_be_visible()


def test_another_user_of_the_same_browser_finds_nothing_of_the_one_before(ada: Visitor, shop: Shop) -> None:
    ada.sign_up()
    ada.package("Medium Package").click()
    expect(ada.pay_button()).to_be_visible()
    ada.page.get_by_role("button", name="Sign out").click()
    expect(ada.page.get_by_role("heading", name="Create your account")).to_be_visible()
    assert ada.page.evaluate("Object.keys(sessionStorage)") == []
    first, ada.email = ada.email, f"next-{ada.email}"
    ada.sign_up()
    ada.has_balance("0.00")
    assert ada.page.get_by_text(first, exact=True).count() == 0
    ada.pay(GOOD)
    ada.has_balance("15.00")
    assert shop.balance_of(first) == 0
