"""The page by keyboard, with a screen reader, in the dark and on a narrow screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from service.sandbox.node import PROJECT, install
from tests.browser.visitor import ASKS_THE_BANK, DECLINED, GOOD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.visitor import Visitor

FOLDER: Final = PROJECT / "tests" / "browser"
WIDE: Final = {"width": 1200, "height": 900}
NARROW: Final = {"width": 320, "height": 640}


@pytest.fixture(scope="session", name="axe")
def read_axe() -> str:
    """The source of axe-core."""
    install(FOLDER)
    return (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core calls serious or critical, in the page and its frames."""
    found = []
    behind = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    for frame in page.frames:
        if frame.url == "about:blank":
            continue
        if frame != page.main_frame:
            # The card's fields stand on the page's own ground, which axe-core does not see from inside.
            frame.evaluate("colour => { document.documentElement.style.background = colour }", behind)
        frame.evaluate(axe)
        result: dict[str, Any] = frame.evaluate("axe.run(document, {iframes: false})")
        assert result["passes"]
        found += [
            f"{each['id']}: {node['html']} {node['failureSummary']}"
            for each in result["violations"]
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]
    return found


@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", WIDE), ("dark", NARROW)], ids=["light", "dark and narrow"]
)
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    visit: Callable[..., Visitor], axe: str, scheme: str, viewport: dict[str, int]
) -> None:
    ada = visit(color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
    ada.expected.add("402")

    def look(state: str) -> None:
        ada.keep_picture(f"{scheme}-{state}")
        assert violations(ada.page, axe) == [], state
        assert ada.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state

    expect(ada.page.get_by_role("heading", name="Create your account")).to_be_visible()
    look("1-welcome")
    ada.sign_up()
    ada.sees("Nothing here yet")
    look("2-empty")
    ada.package("Medium Package").click()
    ada.type_card(DECLINED, expiry="1")
    ada.pay_button().click()
    expect(ada.fields().get_by_text("Your card's expiration date is incomplete.")).to_be_visible()
    look("3-mistyped")
    ada.type_card(DECLINED)
    ada.pay_button().click()
    ada.is_told("Your card has insufficient funds.")
    ada.page.get_by_text("Cards to try").click()
    look("4-declined")
    ada.type_card(ASKS_THE_BANK)
    ada.pay_button().click()
    expect(ada.page.frame_locator("dialog iframe").get_by_role("button").first).to_be_visible()
    look("5-challenge")
    ada.answer_bank("Complete authentication")
    ada.sees("15.00 credits added")
    ada.has_balance("15.00")
    look("6-paid")


def test_the_keyboard_alone_is_enough(ada: Visitor) -> None:
    keyboard = ada.page.keyboard

    def go_to(accessible_name: str) -> None:
        """Press Tab until something of this name has the focus."""
        for _ in range(12):
            keyboard.press("Tab")
            for frame in ada.page.frames:
                focused = frame.locator("*:focus")
                if focused.count() and focused.first.evaluate("each => each.tagName") != "IFRAME":
                    text = focused.first.evaluate("each => each.labels?.[0]?.textContent ?? each.textContent")
                    if accessible_name in text:
                        return
        raise AssertionError(f"Tab never came to {accessible_name}")

    go_to("E-mail address")
    keyboard.type(ada.email)
    go_to("Password")
    keyboard.type(ada.password)
    keyboard.press("Enter")
    expect(ada.page.get_by_role("heading", name="Buy credits")).to_be_focused()
    expect(ada.package("Medium Package")).to_be_visible()
    go_to("Medium Package")
    keyboard.press("Enter")
    expect(ada.page.get_by_role("heading", name="Medium Package")).to_be_focused()
    expect(ada.fields().get_by_label("Card number")).to_be_visible()
    go_to("Card number")
    keyboard.type(GOOD)
    go_to("Expiration date")
    keyboard.type("1234")
    go_to("Security code")
    keyboard.type("123")
    keyboard.press("Enter")
    expect(ada.page.get_by_role("heading", name="15.00 credits added")).to_be_focused()
    ada.has_balance("15.00")
    assert ada.clicks == 0


def test_what_happens_is_read_out(ada: Visitor) -> None:
    ada.expected.add("402")
    ada.sign_up()
    expect(ada.page.get_by_role("status").filter(has_text="0.00 credits")).to_be_visible()
    ada.pay(DECLINED)
    expect(ada.page.get_by_role("alert").filter(has_text="Your card has insufficient funds.")).to_be_visible()
    expect(ada.pay_button()).to_be_focused()
    ada.type_card(GOOD)
    ada.pay_button().click()
    expect(ada.page.get_by_role("status").filter(has_text="ready to be used")).to_be_visible()
    expect(ada.page.get_by_role("status").filter(has_text="15.00 credits")).to_be_visible()
