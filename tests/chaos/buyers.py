"""Buyers who come back after every failure, and what they do with what they bought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.chaos.persistent import PATIENCE, PersistentClient
from tests.integration.service.shop import BUY, User

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from service.sandbox.simulator import LocalStripe

COURSES = {
    "paid": 45,
    "declined, then paid": 8,
    "declined": 4,
    "abandoned": 4,
    "never asked again": 4,
    "refunded": 7,
    "refunded in parts": 8,
    "refund pending": 4,
    "refund failed": 4,
    "disputed": 3,
    "dispute lost": 3,
    "dispute won": 4,
    "inquiry": 2,
}
"""What becomes of purchases, and of how many in a hundred."""

_CARDS = {
    "refund pending": "pm_card_pendingRefund",
    "refund failed": "pm_card_refundFail",
    "disputed": "pm_card_createDispute",
    "dispute lost": "pm_card_createDispute",
    "dispute won": "pm_card_createDispute",
    "inquiry": "pm_card_createDisputeInquiry",
}


@dataclass
class Order:
    """One purchase: who wants what, by which Idempotency-Key, what becomes of it, and what was answered."""

    user: User
    package: str
    key: str
    course: str
    intents: set[str] = field(default_factory=set)


class Crowd:
    """Buyers, each with one order after the other, all at the same time. An async context manager.

    `begins` is told the number of each order that begins.
    """

    def __init__(
        self, service: PersistentClient, simulator: LocalStripe, begins: Callable[[int], None]
    ) -> None:
        self.service = service
        self._stripe = _StripeClient(simulator)
        self._begins = begins
        self._begun = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stripe.close()

    async def carry_out(self, orders: Sequence[Order], random: Random) -> None:
        """Be one buyer."""
        for order in orders:
            self._begins(self._begun)
            self._begun += 1
            bought = await self._buy(order)
            if bought is not None and order.course not in {"abandoned", "never asked again"}:
                await self._pay(order, bought)
            if bought is not None and random.random() < 0.2:
                # A second tab, a double click, a client that lost its memory.
                await self._buy(order)

    async def _buy(self, order: Order) -> Mapping[str, str] | None:
        once = order.course == "never asked again"
        answer = await (self.service.post_once if once else self.service.post)(
            BUY,
            headers={**order.user.headers, "Idempotency-Key": order.key},
            json={"creditPackageId": order.package},
        )
        if answer is None:
            return None
        assert answer.status_code == 200, answer.text
        bought: dict[str, str] = answer.json()["data"]
        order.intents.add(bought["paymentIntentId"])
        return bought

    async def _pay(self, order: Order, bought: Mapping[str, str]) -> None:
        intent = bought["paymentIntentId"]
        if order.course.startswith("declined"):
            assert await self._stripe.confirm(bought, "pm_card_chargeDeclined") == "card_declined"
        if order.course == "declined":
            return
        card = _CARDS.get(order.course, "pm_card_visa")
        assert await self._stripe.confirm(bought, card) == "succeeded"
        match order.course:
            case "refunded" | "refund pending" | "refund failed":
                await self._stripe.refund(intent)
            case "refunded in parts":
                await self._stripe.refund(intent, 101)
                await self._stripe.refund(intent, 57)
            case "dispute lost":
                await self._stripe.resolve_dispute(intent, "lose")
            case "dispute won":
                await self._stripe.resolve_dispute(intent, "win")


class _StripeClient:
    """Stripe itself never fails here."""

    def __init__(self, simulator: LocalStripe) -> None:
        self._http = httpx.AsyncClient(base_url=simulator.url, timeout=PATIENCE, trust_env=False)
        self._page = {"Authorization": f"Bearer {simulator.publishable_key}"}
        self._server = {"Authorization": f"Bearer {simulator.secret_key}"}

    async def close(self) -> None:
        await self._http.aclose()

    async def confirm(self, bought: Mapping[str, str], card: str) -> str:
        """Pay as a page does; the status, or Stripe's error code."""
        paid = await self._http.post(
            f"/v1/payment_intents/{bought['paymentIntentId']}/confirm",
            data={
                "client_secret": bought["clientSecret"],
                "payment_method": card,
                "return_url": "https://app.example.com/paid",
            },
            headers=self._page,
        )
        answer: dict[str, Any] = paid.json()
        outcome: str = answer["error"]["code"] if "error" in answer else answer["status"]
        return outcome

    async def refund(self, intent: str, amount: int | None = None) -> None:
        """Give an amount back, or all."""
        part = {} if amount is None else {"amount": str(amount)}
        answer = await self._http.post(
            "/v1/refunds", data={"payment_intent": intent, **part}, headers=self._server
        )
        assert answer.is_success, answer.text

    async def resolve_dispute(self, intent: str, outcome: str) -> None:
        """Be the bank that decides about the payment's dispute."""
        listed = await self._http.get("/v1/disputes", params={"payment_intent": intent}, headers=self._server)
        [dispute] = listed.json()["data"]
        answer = await self._http.post(f"/_simulator/disputes/{dispute['id']}", json={"outcome": outcome})
        assert answer.is_success, answer.text
