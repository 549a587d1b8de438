"""SIGKILL for the service, PostgREST and Postgres at any moment: nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.buyers import COURSES, Crowd, Order
from tests.chaos.checks import (
    check_acknowledged_events_are_stored,
    check_both_sides_agree,
    check_users_saw_only_what_was,
    reconcile,
)
from tests.chaos.kills import VICTIMS, Kill, Killer
from tests.chaos.onlooker import Onlooker
from tests.chaos.pages import Pages
from tests.chaos.persistent import PATIENCE, PersistentClient
from tests.integration.service.books import Books
from tests.integration.service.shop import StripeAccount, User, claims_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from service.sandbox.stack import Stack

PURCHASES = 500
BUYERS = 20
SEED = 20231128

# Shares of these prices are never whole.
PACKAGES = [(997, Decimal("33.333333")), (1500, Decimal(15)), (299, Decimal("0.1"))]


@pytest.fixture
def books(stack: Stack) -> Iterator[Books]:
    books = Books(stack.supabase.database_url)
    yield books
    books.close()


@pytest.fixture
def account(stack: Stack) -> Iterator[StripeAccount]:
    account = StripeAccount(stack.simulator)
    yield account
    account.close()


def test_purchases_survive_kills_of_every_part_and_each_is_credited_exactly_once(
    stack: Stack, books: Books, account: StripeAccount, notes: list[str]
) -> None:
    """Lose, double and shuffle webhooks as well.

    After the retries and one reconciliation the database says of every purchase what Stripe says.
    """
    chance = random.Random(SEED)
    # A webhook that is late counts as an unpaid purchase, which nobody is to be refused for here.
    books.execute("update credits.settings set max_open_purchases = 1000")
    orders = make_orders(stack, books, chance)
    stack.simulator.set_chaos(seed=SEED, drop=0.05, duplicate=0.1, double_event=0.1, shuffle=8, delay=0.2)

    with Onlooker.looking(stack.supabase.database_url) as onlooker:
        run = asyncio.run(buy_all(stack, orders, chance))
        stack.simulator.wait_until_idle(PATIENCE)

    looks = sum(map(len, run.pages.seen.values()))
    notes.append(
        f"{PURCHASES} purchases by {BUYERS} buyers at once, seed {SEED}: {describe(run.kills)}; "
        f"{run.client.cut} requests cut off, {run.client.refused.total()} answered 503; meanwhile "
        f"{looks} looks of users at their balance, {onlooker.looks} at {onlooker.accounts} balances with "
        f"their entries, {onlooker.moved} of them new, {onlooker.audits} audits"
    )
    check_acknowledged_events_are_stored(stack, books)

    assert onlooker.wrong == []
    report = reconcile(stack)
    assert (report["success"], report["unmended"]) == (True, [])
    assert report["missing_events"] > 0
    check_both_sides_agree(books, account, [order for ordered in orders for order in ordered])
    check_users_saw_only_what_was(books, run.pages)
    assert books.audit() == []

    # It was as bad as it was meant to be.
    assert Counter(kill.victim for kill in run.kills) == VICTIMS
    assert all(kill.in_flight for kill in run.kills)
    for victim in VICTIMS:
        assert sum(kill.failed for kill in run.kills if kill.victim == victim), victim
    assert set(run.client.refused) == {503}
    assert min(map(len, run.pages.seen.values())) > 1
    assert onlooker.looks > 0
    assert onlooker.audits > 0
    assert onlooker.moved > PURCHASES / 10


def sign_in(stack: Stack, books: Books, user_id: UUID) -> User:
    books.new_user(user_id)
    return User(user_id, stack.supabase.sign_token(claims_of(stack, user_id)))


def make_orders(stack: Stack, books: Books, chance: random.Random) -> list[list[Order]]:
    """The orders of each buyer."""
    packages = [books.new_package(price, credit_amount=credit) for price, credit in PACKAGES]
    courses = chance.choices(list(COURSES), weights=list(COURSES.values()), k=PURCHASES)
    orders = []
    for number in range(BUYERS):
        user = sign_in(stack, books, uuid.UUID(int=chance.getrandbits(128), version=4))
        orders.append(
            [
                Order(user, chance.choice(packages), f"{chance.getrandbits(64):x}", course)
                for course in courses[number::BUYERS]
            ]
        )
    return orders


@dataclass
class Run:
    """What happened."""

    client: PersistentClient
    kills: list[Kill]
    pages: Pages


async def buy_all(stack: Stack, orders: list[list[Order]], chance: random.Random) -> Run:
    """Let all buyers buy, and kill something at random orders from the first to almost the last."""
    victims = [victim for victim, times in VICTIMS.items() for _ in range(times)]
    chance.shuffle(victims)
    moments = chance.sample(range(BUYERS, PURCHASES * 17 // 20), len(victims))
    plan = dict(zip(moments, victims, strict=True))
    pages = Pages(stack, [ordered[0].user for ordered in orders])
    async with PersistentClient(stack.service_url) as client, asyncio.TaskGroup() as group:
        killer = Killer(stack, client, chance)

        def begins(number: int) -> None:
            if number in plan:
                group.create_task(killer.kill(plan[number]))

        looking = group.create_task(pages.look())
        async with Crowd(client, stack.simulator, begins) as crowd, asyncio.TaskGroup() as buying:
            for ordered in orders:
                buying.create_task(crowd.carry_out(ordered, random.Random(chance.random())))
        looking.cancel()
    return Run(client, killer.kills, pages)


def describe(kills: list[Kill]) -> str:
    return ", ".join(
        f"{victim} killed {times} times with "
        f"{sum(kill.in_flight for kill in kills if kill.victim == victim)} requests in flight"
        for victim, times in Counter(kill.victim for kill in kills).items()
    )
