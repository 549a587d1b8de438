"""Somebody in front of the page."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Locator, Page, Request

    from tests.browser.shop import Shop

PATIENCE_MS: Final = 60_000
SCREENSHOTS: Final = Path(__file__).with_name("screenshots")

GOOD: Final = "4242424242424242"
DECLINED: Final = "4000000000009995"
ASKS_THE_BANK: Final = "4000002760003184"
ASKS_AND_DECLINES: Final = "4000008400001629"

# A browser notes every answer that is an error, whatever the page makes of it.
_STATUS: Final = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")

# Which of these a lost connection is depends on what was on its way.
_CUT_OFF: Final = re.compile(
    r"net::ERR_(INTERNET_DISCONNECTED|EMPTY_RESPONSE|NETWORK_CHANGED|CONNECTION_(RESET|CLOSED|ABORTED))"
)


class Visitor:
    """A browser profile with one tab, and what went wrong in it.

    Attributes:
        page: The tab.
        email: The address that `sign_up` takes.
        complaints: Errors and warnings of the console, and exceptions, without the statuses in `expected`.
        expected: Statuses that the test provokes, and "offline".
        origins: Every origin that was asked for anything.
        unanswered: The requests that are under way.
        clicks: How often the mouse was pressed, frames included.
    """

    def __init__(self, browser: Browser, shop: Shop, url: str, context: dict[str, Any]) -> None:
        self.shop = shop
        self.url = url
        self.email = f"ada.{uuid.uuid4().hex[:12]}@example.com"
        self.password = str(uuid.uuid4())
        self.complaints: list[str] = []
        self.expected: set[str] = set()
        self.origins: set[str] = set()
        self.unanswered: set[Request] = set()
        self.clicks = 0
        self.context = browser.new_context(
            **{"locale": "en-US", "viewport": {"width": 1200, "height": 900}, **context}
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("console", lambda message: self._hear(message.type, message.text))
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("request", self._see)
        self.context.on("requestfinished", self._forget)
        self.context.on("requestfailed", self._forget)
        self.context.expose_binding("countClick", self._count)
        self.context.add_init_script("addEventListener('pointerdown', () => countClick(), true)")
        self.page = self.open_tab()

    def open_tab(self) -> Page:
        """One more tab of the same profile, on the page."""
        page = self.context.new_page()
        page.goto(self.url)
        return page

    def leave(self) -> None:
        """Close the browser profile."""
        self.context.close()

    def sign_up(self) -> None:
        """Create an account, and see the shop."""
        self.page.get_by_label("E-mail address").click()
        self.page.keyboard.type(self.email)
        self.page.get_by_label("Password").click()
        self.page.keyboard.type(self.password)
        self.page.get_by_role("button", name="Create account").click()
        expect(self.package("Medium Package")).to_be_visible()

    @property
    def session(self) -> dict[str, Any]:
        """What supabase-js keeps of whom has signed in."""
        tokens = "Object.entries(localStorage).find(([name]) => name.endsWith('auth-token'))[1]"
        found: dict[str, Any] = self.page.evaluate(f"JSON.parse({tokens})")
        return found

    def package(self, name: str, page: Page | None = None) -> Locator:
        """The button of a package."""
        return (page or self.page).get_by_role("button", name=name)

    def fields(self, page: Page | None = None) -> FrameLocator:
        """The frame with the card's fields."""
        return (page or self.page).frame_locator("#payment-element iframe")

    def type_card(
        self, number: str, page: Page | None = None, *, expiry: str = "1234", cvc: str = "123"
    ) -> None:
        """Fill the card's fields anew, by mouse and keyboard."""
        for label, text in (("Card number", number), ("Expiration date", expiry), ("Security code", cvc)):
            field = self.fields(page).get_by_label(label)
            field.click()
            field.fill(text)

    def pay_button(self, page: Page | None = None) -> Locator:
        """The button that pays."""
        return (page or self.page).locator("#pay")

    def pay(self, number: str, package: str = "Medium Package") -> None:
        """From a package to the press of the button."""
        self.package(package).click()
        self.type_card(number)
        self.pay_button().click()

    def answer_bank(self, button: str, page: Page | None = None) -> None:
        """Press a button of the 3-D Secure challenge."""
        (page or self.page).frame_locator("dialog iframe").get_by_role("button", name=button).click()

    def sees(self, text: str, page: Page | None = None) -> None:
        """Wait until this is on the page."""
        expect((page or self.page).get_by_text(text).filter(visible=True).first).to_be_visible()

    def is_told(self, text: str, page: Page | None = None) -> None:
        """Wait until the page says this in an alert, which a screen reader reads out."""
        expect((page or self.page).get_by_role("alert").filter(has_text=text)).to_be_visible()

    def has_balance(self, balance: str, page: Page | None = None) -> None:
        """Wait until the page shows this balance, and see that the database agrees."""
        expect((page or self.page).locator("#balance")).to_have_text(balance)
        assert f"{self.shop.balance_of(self.email):.2f}" == balance
        expect((page or self.page).locator("#balance")).to_have_text(balance)

    def keep_picture(self, name: str) -> None:
        """Leave a screenshot of the whole page for people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")

    def go_offline(self) -> None:
        """Lose the network."""
        self.expected.add("offline")
        self.context.set_offline(True)

    def come_back_online(self) -> None:
        """Have it again."""
        self.context.set_offline(False)

    def _hear(self, kind: str, text: str) -> None:
        if kind not in {"error", "warning"}:
            return
        status = _STATUS.match(text)
        cut_off = _CUT_OFF.search(text) and "offline" in self.expected
        if (status and status[1] in self.expected) or cut_off:
            return
        self.complaints.append(f"{kind}: {text}")

    def _see(self, request: Request) -> None:
        self.unanswered.add(request)
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob", "about"}:
            self.origins.add(f"{parts.scheme}://{parts.netloc}")

    def _forget(self, request: Request) -> None:
        self.unanswered.discard(request)

    def _count(self, _source: object) -> None:
        self.clicks += 1
