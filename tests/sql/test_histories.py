"""Every order of Stripe's events ends in the same ledger, and it is the right one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import Phase, given, settings
from psycopg.rows import dict_row

from tests.sql.credit_rules import due
from tests.sql.database import HISTORIES_PLAYED
from tests.sql.histories import Plan, happen, in_order, one_by_one, plans, shuffled
from tests.sql.history_player import GRANT, HistoryPlayer, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from tests.sql.events import Event
    from tests.sql.purchases import Purchase
    from tests.sql.stripe_books import StripePayment

pytestmark = pytest.mark.slow

HISTORIES = 2000


@pytest.fixture(scope="module")
def players(database_url: str) -> Iterator[list[HistoryPlayer]]:
    """Two connections, so that a history is played in order and shuffled at the same time."""
    with (
        psycopg.connect(database_url, row_factory=dict_row) as one,
        psycopg.connect(database_url, row_factory=dict_row) as another,
    ):
        yield [HistoryPlayer(one, 1), HistoryPlayer(another, 2)]


def test_any_order_of_events_ends_in_the_same_right_ledger(
    players: list[HistoryPlayer], pytestconfig: pytest.Config
) -> None:
    """Deliver each history in order and one by one, and beside it shuffled, doubled and in batches.

    Both end in the balances, statuses and sums of ledger entries that the rules in `credit_rules` give for
    the set of events, and in the money that moved according to Stripe's own books.
    """
    played = 0

    @settings(max_examples=HISTORIES, phases=[Phase.generate, Phase.shrink])
    @given(plan=plans)
    def play(plan: Plan) -> None:
        nonlocal played
        plays = [
            pool.submit(play_history, player, plan, delivery)
            for player, delivery in zip(players, (one_by_one, shuffled), strict=True)
        ]
        wait(plays)
        for finished in plays:
            finished.result()
        played += 1

    with ThreadPoolExecutor(len(players)) as pool:
        play()
    pytestconfig.stash[HISTORIES_PLAYED] = played
    assert played >= HISTORIES


def play_history(
    player: HistoryPlayer, plan: Plan, delivery: Callable[[Sequence[Event], int], list[list[Event]]]
) -> None:
    with player.undone():
        purchases = player.open(plan)
        payments = [happen(one, purchase) for one, purchase in zip(plan.purchases, purchases, strict=True)]
        batches = delivery(in_order(payments), plan.seed)
        expected = outcome_due(player.users, payments)

        player.attach(attached("first", plan, purchases))
        some = plan.seed % len(batches)
        verdicts = player.deliver(batches[:some])
        player.attach(attached("midway", plan, purchases))
        verdicts |= player.deliver(batches[some:])
        repeated = {"duplicate", "ignored"} if delivery is shuffled else set[str]()
        assert expected.events <= verdicts <= expected.events | repeated
        assert player.read() == expected


def attached(when: str, plan: Plan, purchases: Sequence[Purchase]) -> list[Purchase]:
    return [purchase for one, purchase in zip(plan.purchases, purchases, strict=True) if one.attached == when]


def outcome_due(users: Sequence[UUID], payments: Sequence[StripePayment]) -> Outcome:
    """Give what the rules say, having checked them against what happened to the money at Stripe."""
    purchases = {}
    balances = dict.fromkeys(users, GRANT)
    for payment in payments:
        comes_to = due(payment.purchase, [event for event in payment.events if event not in payment.misfits])
        assert (comes_to.refunded_minor, comes_to.disputed_minor) == (payment.refunded, payment.disputed)
        assert (comes_to.purchase > Decimal(0)) == (payment.state == "succeeded")
        purchases[payment.purchase.id] = comes_to
        balances[payment.purchase.user_id] += comes_to.purchase + comes_to.refund + comes_to.dispute
    misfits = any(payment.misfits for payment in payments)
    return Outcome(purchases, balances, {"applied", "mismatch"} if misfits else {"applied"})
