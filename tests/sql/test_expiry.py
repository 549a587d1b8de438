"""Credits that expire: gone from the moment they do, whether or not a job has run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.sql.events import deliver, dispute, payment, refund
from tests.sql.purchases import new_user, open_purchase
from tests.sql.spending import (
    DAY,
    HOUR,
    Shown,
    buy,
    capture,
    everything,
    give,
    history,
    hold,
    let_pass,
    lot_of,
    lots_moved,
    release,
    remaining,
    shown,
    spend,
)
from tests.sql.spending import refund as give_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.sql.database import Database


def expire(db: Database, **arguments: object) -> int:
    return int(db.rpc("expire_credits", **arguments)["expire_credits"])


@pytest.fixture
def user_id(db: Database) -> UUID:
    """A user with 5 credits that expire in a day, and 10 that do not."""
    user_id = new_user(db)
    give(db, user_id, 5, expires_in=DAY)
    give(db, user_id, 10)
    return user_id


def test_lapsed_credits_are_in_no_balance_before_any_job_ran(db: Database, user_id: UUID) -> None:
    assert shown(db, user_id) == Shown(balance=15, expiring=5)
    let_pass(db, user_id, DAY - timedelta(microseconds=1))
    assert shown(db, user_id) == Shown(balance=15, expiring=5)
    let_pass(db, user_id, timedelta(microseconds=1))
    assert shown(db, user_id) == Shown(balance=10)
    with db.acting_as("authenticated", user_id):
        assert db.column("select remaining from public.credit_lots") == [10]
    assert history(db, user_id) == [("grant", 5), ("grant", 10)]


def test_lapsed_credits_cannot_be_spent_before_any_job_ran(db: Database, user_id: UUID) -> None:
    let_pass(db, user_id, DAY)
    for take in (spend, hold):
        with db.refused("PT402", "insufficient_credits"):
            take(db, user_id, "10.000001")
    assert spend(db, user_id, 10)["balance"] == 0


def test_lapsed_credits_cannot_be_held_or_overrun_into(db: Database, user_id: UUID) -> None:
    db.execute("update credits.settings set allow_capture_overrun = true")
    held = hold(db, user_id, 1, lasting=2 * DAY)
    let_pass(db, user_id, DAY)
    with db.refused("PT402", "insufficient_credits"):
        capture(db, held, "11.000001")
    assert capture(db, held, 11)["balance"] == 0


@pytest.mark.parametrize("touch", ["grant", "spend", "hold", "refund_spend", "release", "capture"])
def test_whatever_moves_credits_posts_what_lapsed_first(db: Database, user_id: UUID, touch: str) -> None:
    lasting = hold(db, user_id, 1, lasting=3 * DAY)
    spent = spend(db, user_id, 1)
    if touch != "capture":
        release(db, lasting)
    let_pass(db, user_id, DAY)
    match touch:
        case "grant":
            give(db, user_id, 1)
        case "spend":
            spend(db, user_id, 1)
        case "hold":
            hold(db, user_id, 1)
        case "refund_spend":
            give_back(db, user_id, spent, 1)
        case "release":
            release(db, lasting)
        case "capture":
            capture(db, lasting, 1)
    lapsed = -3 if touch == "capture" else -4
    assert ("expiry", lapsed) in history(db, user_id)[3:5]


def test_expiry_is_posted_with_its_lot_and_what_it_was_given_for(db: Database, user_id: UUID) -> None:
    let_pass(db, user_id, DAY)
    assert expire(db) >= 1
    with db.acting_as("authenticated", user_id):
        [entry] = db.rows("select id, amount, description from public.credit_ledger where kind = 'expiry'")
    [lot, _] = remaining(db, user_id)
    assert (entry["amount"], entry["description"]) == (-5, "Expiry of Welcome")
    assert lots_moved(db, user_id, entry["id"]) == {lot: -5}


def test_only_what_is_left_of_a_lot_lapses(db: Database, user_id: UUID) -> None:
    spend(db, user_id, "4.999999")
    let_pass(db, user_id, DAY)
    expire(db)
    assert history(db, user_id)[-1] == ("expiry", Decimal("-0.000001"))


def test_expire_credits_again_changes_nothing(db: Database, user_id: UUID) -> None:
    hold(db, user_id, 2, lasting=HOUR)
    let_pass(db, user_id, DAY)
    expire(db)
    once = everything(db)
    assert expire(db) == 0
    assert everything(db) == once
    assert history(db, user_id)[2:] == [("expiry", -5)]
    assert db.column("select status from credits.holds where user_id = %s", user_id) == ["expired"]


def test_expire_credits_ends_when_all_is_done_however_few_it_takes_at_once(db: Database) -> None:
    expire(db, max_accounts=10_000)
    users = [new_user(db) for _ in range(5)]
    for user_id in users:
        give(db, user_id, 1, expires_in=HOUR)
        hold(db, user_id, Decimal("0.5"), lasting=DAY)
        let_pass(db, user_id, HOUR)
    assert [expire(db, max_accounts=2) for _ in range(4)] == [2, 2, 1, 0]
    assert {shown(db, user_id) for user_id in users} == {Shown(Decimal("0.5"), Decimal("0.5"))}


@pytest.mark.parametrize("max_accounts", [0, -1, 10_001, None])
def test_expire_credits_takes_a_sensible_number_of_accounts(db: Database, max_accounts: int | None) -> None:
    with db.refused("PT400", "invalid_argument"):
        expire(db, max_accounts=max_accounts)


def test_expire_credits_passes_over_an_account_that_is_locked(
    database_url: str, committed_db: Database
) -> None:
    locked, free = new_user(committed_db), new_user(committed_db)
    for user_id in (locked, free):
        give(committed_db, user_id, 5, expires_in=DAY)
        let_pass(committed_db, user_id, DAY)
    with (
        psycopg.connect(database_url, row_factory=dict_row) as other,
        other.transaction(),
    ):
        other.execute("select from credits.accounts where user_id = %s for no key update", [locked])
        expire(committed_db, max_accounts=10_000)
        assert history(committed_db, free)[1:] == [("expiry", -5)]
        assert history(committed_db, locked)[1:] == []
    expire(committed_db, max_accounts=10_000)
    assert history(committed_db, locked)[1:] == [("expiry", -5)]


def test_lot_that_lapses_under_an_open_hold_stays_for_it(db: Database, user_id: UUID) -> None:
    held = hold(db, user_id, 3, lasting=3 * DAY)
    let_pass(db, user_id, DAY)
    assert shown(db, user_id) == Shown(balance=13, held=3)
    answer = capture(db, held, 2)
    [lapsed, lasting] = remaining(db, user_id)
    assert lots_moved(db, user_id, answer["entry_id"]) == {lapsed: -2}
    assert shown(db, user_id) == Shown(balance=10)
    expire(db)
    assert remaining(db, user_id) == {lapsed: 0, lasting: 10}
    assert history(db, user_id)[2:] == [("expiry", -2), ("spend", -2), ("expiry", -1)]


@pytest.mark.parametrize("end", ["release", "expiry"])
def test_lot_that_stayed_for_a_hold_lapses_when_it_ends(db: Database, user_id: UUID, end: str) -> None:
    held = hold(db, user_id, 12, lasting=3 * DAY)
    let_pass(db, user_id, DAY)
    expire(db)
    assert shown(db, user_id) == Shown(balance=15, held=12)
    if end == "release":
        release(db, held)
    else:
        let_pass(db, user_id, 2 * DAY)
    assert shown(db, user_id) == Shown(balance=10)
    expire(db)
    assert list(remaining(db, user_id).values()) == [0, 10]


def test_lot_that_stayed_for_a_hold_is_not_for_a_spend(db: Database, user_id: UUID) -> None:
    held = hold(db, user_id, 5, lasting=3 * DAY)
    let_pass(db, user_id, DAY)
    [lapsed, lasting] = remaining(db, user_id)
    assert lots_moved(db, user_id, spend(db, user_id, 6)["entry_id"]) == {lasting: -6}
    release(db, held)
    assert shown(db, user_id) == Shown(balance=4)
    expire(db)
    assert remaining(db, user_id) == {lapsed: 0, lasting: 4}


def test_lot_that_stayed_for_a_hold_is_not_for_a_later_hold(db: Database, user_id: UUID) -> None:
    held = hold(db, user_id, 5, lasting=3 * DAY)
    let_pass(db, user_id, DAY)
    later = hold(db, user_id, 10)
    assert shown(db, user_id) == Shown(balance=15, held=15)
    release(db, held)
    assert shown(db, user_id) == Shown(balance=10, held=10)
    with db.refused("PT402", "insufficient_credits"):
        spend(db, user_id, "0.000001")
    [_, lasting] = remaining(db, user_id)
    assert lots_moved(db, user_id, capture(db, later, 10)["entry_id"]) == {lasting: -10}


def test_each_hold_keeps_what_lapsed_after_it_was_made(db: Database) -> None:
    """Two lots lapse under two holds, the later of which was made between the two expiries."""
    user_id = new_user(db)
    give(db, user_id, 4, expires_in=DAY)
    give(db, user_id, 4, expires_in=3 * DAY)
    first = hold(db, user_id, 3, lasting=10 * DAY)
    let_pass(db, user_id, 2 * DAY)
    second = hold(db, user_id, 2, lasting=10 * DAY)
    assert shown(db, user_id) == Shown(balance=7, held=5, expiring=4)
    let_pass(db, user_id, 2 * DAY)
    assert shown(db, user_id) == Shown(balance=5, held=5)
    [early, late] = remaining(db, user_id)
    assert lots_moved(db, user_id, capture(db, second, 2)["entry_id"]) == {late: -2}
    assert lots_moved(db, user_id, capture(db, first, 3)["entry_id"]) == {early: -1, late: -2}


def test_debt_of_a_purchase_is_not_paid_by_credits_that_lapse(db: Database, user_id: UUID) -> None:
    purchase = buy(db, user_id, 15)
    spend(db, user_id, 20)
    give(db, user_id, 4, expires_in=DAY)
    deliver(db, refund(purchase, "re_1", 1500))
    assert shown(db, user_id) == Shown(balance=-1, expiring=4)
    let_pass(db, user_id, DAY)
    assert shown(db, user_id) == Shown(balance=-5)
    expire(db)
    assert remaining(db, user_id)[lot_of(db, purchase)] == -5


def test_stripes_events_in_any_order_around_spends_and_expiry_end_the_same(db: Database) -> None:
    """Where other lots pay for the spends, it leaves no trace when Stripe told of a purchase what."""
    ends = []
    for seed in range(12):
        random = Random(seed)
        user_id = new_user(db)
        give(db, user_id, 4, expires_in=DAY)
        give(db, user_id, 4, expires_in=2 * DAY)
        purchase = open_purchase(db, user_id)
        events = [
            payment(purchase, "succeeded"),
            refund(purchase, f"re_{seed}", 700),
            refund(purchase, f"re_{seed}_failing", 100),
            refund(purchase, f"re_{seed}_failing", 100, "failed", at=15),
            dispute(purchase, "funds_withdrawn", "needs_response"),
            dispute(purchase, "funds_reinstated", "won", at=30),
        ]
        tellings: list[Callable[[], object]] = [
            partial(deliver, db, event) for event in random.sample(events, len(events))
        ]
        acts: list[Callable[[], object]] = [
            partial(spend, db, user_id, 1),
            partial(let_pass, db, user_id, DAY),
            partial(spend, db, user_id, 1),
            partial(let_pass, db, user_id, DAY),
            partial(expire, db, max_accounts=10_000),
        ]
        while tellings or acts:
            queue = random.choice([one for one in (tellings, acts) if one])
            queue.pop(0)()
        expire(db, max_accounts=10_000)
        left = remaining(db, user_id)
        ends.append((shown(db, user_id), left.pop(lot_of(db, purchase)), list(left.values())))
    assert ends == [(Shown(balance=8), 8, [0, 0])] * 12


def test_refund_of_a_spend_from_a_lapsed_lot_lapses_again(db: Database, user_id: UUID) -> None:
    spent = spend(db, user_id, 7)
    let_pass(db, user_id, DAY)
    give_back(db, user_id, spent, 7)
    assert shown(db, user_id) == Shown(balance=10)
    with db.refused("PT402", "insufficient_credits"):
        spend(db, user_id, "10.000001")
    expire(db)
    assert history(db, user_id)[2:] == [("spend", -7), ("spend_refund", 7), ("expiry", -5)]


def test_refund_to_a_lot_that_is_about_to_expire_lapses_with_it(db: Database, user_id: UUID) -> None:
    spent = spend(db, user_id, 5)
    hold(db, user_id, 1, lasting=3 * DAY)
    give_back(db, user_id, spent, 5)
    assert shown(db, user_id) == Shown(balance=15, held=1, expiring=5)
    let_pass(db, user_id, DAY)
    assert shown(db, user_id) == Shown(balance=11, held=1)
