"""Every order of Stripe's events ends in the same ledger, through a service that dies and starts again."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import Phase, given, settings
from psycopg.rows import dict_row

from service.event_types import WEBHOOK_PATH
from tests.chaos.mail import History, Item, as_webhook, shuffled_mail
from tests.chaos.onlooker import Onlooker
from tests.chaos.persistent import PersistentClient
from tests.chaos.restarts import End, Restarter
from tests.chaos.strikes import read_failures, striking
from tests.integration.service.webhooks import encode, sign
from tests.sql.database import Database, audit
from tests.sql.histories import Plan, plans
from tests.sql.history_player import HistoryPlayer
from tests.sql.purchases import Purchase
from tests.sql.test_histories import outcome_due

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from psycopg.rows import DictRow

    from service.sandbox.stack import Stack
    from tests.sql.credit_rules import Due

HISTORIES = 200
CONNECTIONS = 16
KILLS, STOPS = 4, 2
SEED = 20231127

NOBODY_ELSE = 255
"""A player's number beyond those of the histories, so that its ids are no other's."""


def generate_plans(count: int) -> list[Plan]:
    """So many plans, the same in every run."""
    generated: list[Plan] = []

    @settings(max_examples=count, phases=[Phase.generate])
    @given(plan=plans)
    def collect(plan: Plan) -> None:
        generated.append(plan)

    collect()
    return generated


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection[DictRow]]:
    with psycopg.connect(stack.supabase.database_url, row_factory=dict_row) as connection:
        yield connection


def test_histories_sent_over_http_while_the_service_dies_end_in_the_same_right_ledger(
    stack: Stack, connection: psycopg.Connection[DictRow], notes: list[str]
) -> None:
    """Deliver shuffled, doubled and over many connections, and kill and stop the service in between.

    Every ninth posting fails. Balances, statuses and ledger end as the rules in `credit_rules` say and as
    delivery in order ends, and add up at every moment.
    """
    generated = generate_plans(HISTORIES)
    assert len(generated) >= HISTORIES
    undisturbed = HistoryPlayer(connection, NOBODY_ELSE)
    in_order = [play_in_order(undisturbed, plan) for plan in generated]
    histories = []
    for number, plan in enumerate(generated, start=1):
        with connection.transaction():
            histories.append(History.begin(plan, HistoryPlayer(connection, number)))
    mail = shuffled_mail(histories, random.Random(SEED))

    with striking(connection), Onlooker.looking(stack.supabase.database_url) as onlooker:
        post = asyncio.run(send_all(stack, mail))

    failed, failed_otherwise = read_failures(stack.service.log)
    notes.append(
        f"{len(histories)} histories over HTTP: {len(mail)} requests over {CONNECTIONS} connections, "
        f"{post.client.cut} cut off, {failed} events failed at first, service killed {KILLS} and stopped "
        f"{STOPS} times, seed {SEED}; {onlooker.looks} looks at {onlooker.accounts} balances meanwhile, "
        f"{onlooker.moved} of them new, {onlooker.audits} audits"
    )
    with connection.transaction():
        for history, figures in zip(histories, in_order, strict=True):
            outcome = history.player.read()
            assert outcome == outcome_due(history.player.users, history.payments), history.plan
            assert history.figures(outcome) == figures, history.plan
    assert audit(Database(connection)) == []
    assert onlooker.wrong == []

    # It was as bad as it was meant to be.
    assert sorted(end for end, _ in post.restarter.ends) == ["kill"] * KILLS + ["stop"] * STOPS
    assert all(in_flight for _, in_flight in post.restarter.ends)
    assert post.client.cut > 0
    assert set(post.client.refused) == {503}
    assert failed > 0
    assert failed_otherwise == []
    assert onlooker.looks > 0
    assert onlooker.audits > 0
    assert onlooker.moved > HISTORIES / 10


def play_in_order(player: HistoryPlayer, plan: Plan) -> tuple[list[Due], list[Decimal]]:
    """What the history comes to in order and undisturbed."""
    with player.undone():
        history = History.begin(plan, player)
        history.deliver_in_order()
        return history.figures(player.read())


class PostOffice:
    """Delivers webhooks, and attaches PaymentIntents as the service does, over some connections at a time."""

    def __init__(self, stack: Stack, client: PersistentClient) -> None:
        self.client = client
        self.restarter = Restarter(stack, client)
        self._stack = stack

    async def send(self, mail: Sequence[Item], restarts: dict[int, End]) -> None:
        """Send everything until it is confirmed; at these positions end the service."""
        queue = iter(enumerate(mail))

        async def carry(group: asyncio.TaskGroup) -> None:
            for position, item in queue:
                if position in restarts:
                    group.create_task(self.restarter.restart(restarts[position]))
                await self._send_one(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(carry(group))

    async def _send_one(self, item: Item) -> None:
        if isinstance(item, Purchase):
            answer = await self.client.post(
                f"{self._stack.supabase.url}/rest/v1/rpc/attach_payment_intent",
                headers={"apikey": self._stack.supabase.secret_key},
                json={"transaction_id": str(item.id), "payment_intent_id": item.payment_intent},
            )
        else:
            body = encode(as_webhook(item))
            signature = {"Stripe-Signature": sign(body, self._stack.webhook_secret)}
            answer = await self.client.post(WEBHOOK_PATH, headers=signature, content=body)
        assert answer.is_success, answer.text


async def send_all(stack: Stack, mail: Sequence[Item]) -> PostOffice:
    """Send everything, and end the service at random positions but the last ones."""
    positions = random.Random(SEED + 1).sample(range(CONNECTIONS, len(mail) * 9 // 10), KILLS + STOPS)
    restarts: dict[int, End] = dict.fromkeys(positions[:KILLS], "kill")
    restarts |= dict.fromkeys(positions[KILLS:], "stop")
    async with PersistentClient(stack.service_url) as client:
        post = PostOffice(stack, client)
        await post.send(mail, restarts)
    return post
