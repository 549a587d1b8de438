"""Lots: which credits a spend takes, what a refund of a purchase takes, and what is read for it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.sql.database import Database
from tests.sql.events import deliver, dispute, refund
from tests.sql.purchases import new_user
from tests.sql.spending import DAY, Shown, buy, give, lot_of, lots_moved, remaining, shown, spend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from psycopg.rows import DictRow


def test_soonest_to_expire_is_spent_first_then_by_priority_then_the_oldest(db: Database) -> None:
    user_id = new_user(db)
    last = give(db, user_id, 1, priority=50)
    third = give(db, user_id, 1, priority=7)
    fourth = give(db, user_id, 1, priority=7)
    second = give(db, user_id, 1, expires_in=2 * DAY, priority=0)
    first = give(db, user_id, 1, expires_in=DAY, priority=100)
    spent = [spend(db, user_id, 1)["entry_id"] for _ in range(5)]
    taken_from = [lots_moved(db, user_id, entry_id) for entry_id in spent]
    assert taken_from == [{lot: -1} for lot in (first, second, third, fourth, last)]


def test_a_spend_takes_from_as_many_lots_as_it_needs_and_the_history_says_which(db: Database) -> None:
    user_id = new_user(db)
    lots = [give(db, user_id, "1.5") for _ in range(3)]
    entry_id = spend(db, user_id, "3.250001")["entry_id"]
    assert lots_moved(db, user_id, entry_id) == {
        lots[0]: Decimal("-1.5"),
        lots[1]: Decimal("-1.5"),
        lots[2]: Decimal("-0.250001"),
    }
    assert list(remaining(db, user_id).values()) == [0, 0, Decimal("1.249999")]


def test_history_says_which_lot_a_grant_or_purchase_opened(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    lot = give(db, purchase.user_id, 2)
    assert lots_moved(db, purchase.user_id, lot) == {lot: 2}
    bought = lot_of(db, purchase)
    assert lots_moved(db, purchase.user_id, bought) == {bought: 15}


def test_refund_of_a_purchase_takes_what_is_left_of_its_own_lot(db: Database) -> None:
    older, newer = (purchase := buy(db, credit_amount=15)), buy(db, purchase.user_id, 15)
    user_id = older.user_id
    spend(db, user_id, 5)
    deliver(db, refund(newer, "re_1", 1500))
    assert remaining(db, user_id) == {lot_of(db, older): 10, lot_of(db, newer): 0}
    assert shown(db, user_id) == Shown(balance=10)


def test_refund_beyond_its_own_lot_is_a_debt_that_no_other_lot_pays(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    spend(db, user_id, 12)
    other = give(db, user_id, 20)
    deliver(db, refund(purchase, "re_1", 1500))
    assert remaining(db, user_id) == {lot_of(db, purchase): -12, other: 20}
    assert shown(db, user_id) == Shown(balance=8)


def test_partial_refunds_take_their_shares_of_the_lot(db: Database) -> None:
    purchase = buy(db, credit_amount=10, amount_minor=999)
    deliver(db, refund(purchase, "re_1", 333))
    assert list(remaining(db, purchase.user_id).values()) == [Decimal("6.666667")]
    deliver(db, refund(purchase, "re_2", 666))
    assert list(remaining(db, purchase.user_id).values()) == [0]


def test_dispute_takes_from_the_purchases_lot_and_gives_back_to_it_when_won(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    give(db, user_id, 3)
    spend(db, user_id, 4)
    deliver(db, dispute(purchase, "funds_withdrawn", "needs_response"))
    assert list(remaining(db, user_id).values()) == [-4, 3]
    deliver(db, dispute(purchase, "funds_reinstated", "won", at=30))
    assert list(remaining(db, user_id).values()) == [11, 3]


def test_refund_that_fails_gives_back_to_the_purchases_lot(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    give(db, purchase.user_id, 3)
    deliver(db, refund(purchase, "re_1", 1500))
    deliver(db, refund(purchase, "re_1", 1500, "failed", at=20))
    assert list(remaining(db, purchase.user_id).values()) == [15, 3]


def test_user_sees_the_lots_that_are_left_and_nobody_elses(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    give(db, new_user(db), 5)
    expiring = give(db, user_id, 2, expires_in=DAY, priority=10)
    used_up = give(db, user_id, 1, expires_in=DAY / 2)
    spend(db, user_id, 1)
    with db.acting_as("authenticated", user_id):
        seen = db.rows("select id, transaction_id, remaining, priority, expires_at from public.credit_lots")
    by_id = {row.pop("id"): row for row in seen}
    assert used_up not in by_id
    assert by_id.keys() == {lot_of(db, purchase), expiring}
    assert by_id[lot_of(db, purchase)] == {
        "transaction_id": purchase.id,
        "remaining": 15,
        "priority": 50,
        "expires_at": None,
    }
    assert (by_id[expiring]["remaining"], by_id[expiring]["priority"]) == (2, 10)
    assert by_id[expiring]["expires_at"] is not None


def buffers(db: Database, user_id: UUID) -> int:
    """Count the buffers that one more spend reads; now and then a session reads the catalogue as well."""
    return min(_buffers(db, user_id) for _ in range(5))


def _buffers(db: Database, user_id: UUID) -> int:
    with db.acting_as("service_role"):
        [[plan]] = db.column(
            "explain (analyze, buffers, format json) "
            "select * from public.spend_credits(%s, 1, gen_random_uuid()::text, 'Usage')",
            user_id,
        )
    read: DictRow = plan["Plan"]
    return int(read["Shared Hit Blocks"]) + int(read["Shared Read Blocks"])


@pytest.fixture
def bulk_db(database_url: str) -> Iterator[Database]:
    """Act as `postgres` in a transaction for very many rows that leaves nothing of them, nor statistics."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        yield Database(connection)
        connection.rollback()
        connection.autocommit = True
        connection.execute("vacuum (analyze) credits.ledger_entries, credits.lots, credits.accounts")


@pytest.mark.slow
def test_a_spend_reads_no_more_after_5000_used_up_lots_and_100000_entries(bulk_db: Database) -> None:
    """An index grows deeper with its table: that costs a few blocks, reading used-up lots hundreds."""
    young, old = new_user(bulk_db), new_user(bulk_db)
    for user_id in (young, old):
        give(bulk_db, user_id, 1)
        spend(bulk_db, user_id, 1)
    age(bulk_db, old, lots=5_000, spends=95_000)
    for user_id in (young, old):
        give(bulk_db, user_id, 100)
    bulk_db.execute("analyze credits.ledger_entries, credits.lots, credits.accounts")
    of_the_young, of_the_old = buffers(bulk_db, young), buffers(bulk_db, old)
    assert of_the_old <= of_the_young + 20


def test_a_key_is_found_by_its_index_though_accounts_had_one_entry_each(bulk_db: Database) -> None:
    """To a planner who takes an account for one with a single entry, any index by user_id looks as good."""
    bulk_db.execute(
        "insert into credits.ledger_entries "
        "(user_id, kind, amount, balance_after, description, key, created_at) "
        "select gen_random_uuid(), 'grant', 1, 1, 'Welcome', 'grant:welcome', now() "
        "from generate_series(1, 5000)"
    )
    bulk_db.execute("analyze credits.ledger_entries")
    bulk_db.execute("set local plan_cache_mode = force_generic_plan")
    bulk_db.execute(
        "prepare by_key (uuid, text) as "
        "select e.* from credits.ledger_entries as e where e.user_id = $1 and e.key = $2"
    )
    [plan] = bulk_db.column("explain (format json) execute by_key (gen_random_uuid(), 'spend:1')")
    bulk_db.execute("deallocate by_key")
    assert re.findall(r"'Index Name': '(\w+)'", str(plan)) == ["ledger_entries_key_is_one"]


def age(db: Database, user_id: UUID, *, lots: int, spends: int) -> None:
    """Write the history of an account that was given many lots and spent them all in equal parts."""
    db.execute(
        "insert into credits.ledger_entries "
        "(user_id, kind, amount, balance_after, description, key, created_at) "
        "select %s, 'grant', 19, 19 * n, 'Old', 'old grant ' || n, "
        "now() - interval '2 years' + n * interval '1 ms' "
        "from generate_series(1, %s) as n",
        user_id,
        lots,
    )
    db.execute(
        "insert into credits.lots (user_id, id, remaining) "
        "select user_id, id, 0 from credits.ledger_entries where user_id = %s and description = 'Old'",
        user_id,
    )
    db.execute(
        "insert into credits.ledger_entries "
        "(user_id, kind, amount, balance_after, lots, description, key, created_at) "
        "select user_id, 'spend', -1, 19 * %s - row_number() over (order by id, s), "
        "jsonb_build_object(id, -1), 'Old',"
        " 'old spend ' || id || ' ' || s, "
        "now() - interval '1 year' + row_number() over (order by id, s) * interval '1 ms' "
        "from credits.lots, generate_series(1, %s) as s where user_id = %s and remaining = 0 and id in "
        "(select id from credits.ledger_entries where user_id = %s and description = 'Old')",
        lots,
        spends // lots,
        user_id,
        user_id,
    )
