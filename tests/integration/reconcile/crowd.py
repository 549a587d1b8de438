"""Many buyers at once, each on a course whose end is known beforehand."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import httpx

from tests.integration.service.shop import BUY, LARGE, MEDIUM, SMALL, User, claims_of
from tests.integration.service.waiting import PATIENCE

if TYPE_CHECKING:
    from service.sandbox.simulator import LocalStripe
    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books

AT_ONCE = 8
PURCHASES_EACH = 5
_PRICES = {SMALL: 500, MEDIUM: 1500, LARGE: 5000}


@dataclass(frozen=True)
class Course:
    """What one buyer does, and what must come of it. Parts are twentieths of the price.

    Attributes:
        status: What the purchase must be at the end.
        worth: The part of the credits that it must give at the end.
        card: What it is paid with.
        refunds: The parts given back, one after the other.
        last_refund_fails: Whether the last of them comes back.
        decision: What the bank decides, where the card brings a dispute.
    """

    status: str = "succeeded"
    worth: int = 20
    card: str = "pm_card_visa"
    refunds: tuple[int, ...] = ()
    last_refund_fails: bool = False
    decision: Literal["win", "lose"] | None = None


_DISPUTE = "pm_card_createDispute"
COURSES = (
    *(Course() for _ in range(9)),
    Course("failed", 0, "pm_card_chargeDeclined"),
    Course("partially_refunded", 19, refunds=(1,)),
    Course("partially_refunded", 14, "pm_card_pendingRefund", refunds=(6,)),
    Course("partially_refunded", 16, refunds=(4, 2), last_refund_fails=True),
    Course("refunded", 0, refunds=(7, 7, 6)),
    Course("refunded", 0, refunds=(20,)),
    Course("succeeded", 20, refunds=(20,), last_refund_fails=True),
    Course("disputed", 0, _DISPUTE),
    Course("disputed", 0, _DISPUTE, decision="lose"),
    Course("succeeded", 20, _DISPUTE, decision="win"),
    Course("succeeded", 20, "pm_card_createDisputeInquiry"),
)


@dataclass(frozen=True)
class Bought:
    """A purchase, and what must come of it."""

    user: User
    intent: str
    status: str
    credits: Decimal


class Crowd:
    """Buys through the service and pays at the simulator."""

    def __init__(self, stack: Stack, service_url: str, simulator: LocalStripe, books: Books) -> None:
        self._service_url = service_url
        self._simulator = simulator
        self._stack = stack
        self._books = books

    async def buy(self, count: int) -> list[Bought]:
        """So many purchases, AT_ONCE at a time, by the courses in turn."""
        users = [self._sign_in() for _ in range(-(-count // PURCHASES_EACH))]
        slots = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:

            async def buy_one(number: int) -> Bought:
                user, package = users[number % len(users)], (SMALL, MEDIUM, LARGE)[number % 3]
                course, price = COURSES[number % len(COURSES)], _PRICES[package]
                async with slots:
                    intent = await self._order(http, user, package)
                    await self._follow(http, intent, course, price // 20)
                return Bought(user, intent, course.status, Decimal(price // 20 * course.worth).scaleb(-2))

            return await asyncio.gather(*(buy_one(number) for number in range(count)))

    def _sign_in(self) -> User:
        user_id = uuid.uuid4()
        self._books.new_user(user_id)
        return User(user_id, self._stack.supabase.sign_token(claims_of(self._stack, user_id)))

    async def _order(self, http: httpx.AsyncClient, user: User, package: str) -> str:
        answer = await http.post(
            f"{self._service_url}{BUY}", json={"creditPackageId": package}, headers=user.headers
        )
        assert answer.status_code == 200, answer.text
        intent: str = answer.json()["data"]["paymentIntentId"]
        return intent

    async def _follow(self, http: httpx.AsyncClient, intent: str, course: Course, twentieth: int) -> None:
        url = "https://app.example.com/paid"
        paid = await self._stripe(
            http, f"payment_intents/{intent}/confirm", payment_method=course.card, return_url=url
        )
        assert ("error" in paid) == (course.status == "failed"), paid
        refund = ""
        for part in course.refunds:
            amount = part * twentieth
            refund = (await self._stripe(http, "refunds", payment_intent=intent, amount=amount))["id"]
        if course.last_refund_fails:
            await asyncio.to_thread(self._simulator.move_refund, refund, "failed")
        if course.decision is not None:
            answer = await http.get(
                f"{self._simulator.url}/v1/disputes", params={"payment_intent": intent}, headers=self._key
            )
            [dispute] = answer.json()["data"]
            await asyncio.to_thread(self._simulator.resolve_dispute, dispute["id"], course.decision)

    async def _stripe(self, http: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
        answer = await http.post(f"{self._simulator.url}/v1/{path}", data=params, headers=self._key)
        found: dict[str, Any] = answer.json()
        return found

    @property
    def _key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._simulator.secret_key}"}
