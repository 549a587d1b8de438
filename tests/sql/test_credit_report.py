"""credit_report: a trial balance of any period that adds up in every row and column."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.sql.books import Line, this_moment, trial_balance
from tests.sql.events import deliver
from tests.sql.events import refund as refunded_by_stripe
from tests.sql.spending import buy, give, spend

if TYPE_CHECKING:
    from tests.sql.database import Database


def line(opening: str, debit: str, credit: str, closing: str) -> Line:
    return Line(Decimal(opening), Decimal(debit), Decimal(credit), Decimal(closing))


def test_report_tells_the_period_from_what_was_before(db: Database) -> None:
    purchase = buy(db, credit_amount=10, amount_minor=2000, currency="nok")
    spend(db, purchase.user_id, 2)
    since = this_moment(db)
    spend(db, purchase.user_id, 3)
    deliver(db, refunded_by_stripe(purchase, "re_1", 500))
    until = this_moment(db)
    spend(db, purchase.user_id, 1)
    assert trial_balance(db, "nok", since, until) == {
        "cash_at_stripe": line("20.00", "0.00", "0.00", "20.00"),
        "refunds": line("0.00", "0.00", "5.00", "-5.00"),
        "revenue": line("-4.00", "0.00", "6.00", "-10.00"),
        "user_liability": line("-16.00", "11.00", "0.00", "-5.00"),
    }


def test_report_counts_credits_as_well(db: Database) -> None:
    since = this_moment(db)
    purchase = buy(db, credit_amount=10)
    give(db, purchase.user_id, "0.000001")
    spend(db, purchase.user_id, "4.5")
    moved = {
        account: (line.debit, line.credit)
        for account, line in trial_balance(db, "credits", since).items()
        if line.debit or line.credit
    }
    assert moved == {
        "cash_at_stripe": (10, 0),
        "promotion": (Decimal("0.000001"), 0),
        "revenue": (0, Decimal("4.5")),
        "user_liability": (Decimal("4.5"), Decimal("10.000001")),
    }


def test_a_moment_belongs_to_the_period_that_it_begins(db: Database) -> None:
    purchase = buy(db, credit_amount=10, amount_minor=1000, currency="sek")
    [bought] = db.column("select created_at from credits.ledger_entries where user_id = %s", purchase.user_id)
    after = bought + timedelta(microseconds=1)
    assert trial_balance(db, "sek", bought, after)["cash_at_stripe"].debit == 10
    assert trial_balance(db, "sek", bought - timedelta(days=1), bought) == {}
    assert trial_balance(db, "sek", after)["cash_at_stripe"] == line("10", "0", "0", "10")


@pytest.mark.parametrize(
    ("currency", "amount_minor", "coin"), [("nok", 100, "0.01"), ("krw", 97, "1"), ("bhd", 1010, "0.001")]
)
def test_fractions_of_the_smallest_coin_add_up_over_periods_and_accounts(
    db: Database, currency: str, amount_minor: int, coin: str
) -> None:
    """Each spend earns less than the smallest coin; no period loses any of it, and none is counted twice."""
    purchase = buy(db, credit_amount=1000, amount_minor=amount_minor, currency=currency)
    moments: list[datetime] = [this_moment(db)]
    for _ in range(7):
        spend(db, purchase.user_id, 4)
        moments.append(this_moment(db))
    periods = [trial_balance(db, currency, since, until) for since, until in pairwise(moments)]
    for earlier, later in pairwise(periods):
        assert {account: line.closing for account, line in earlier.items()} == {
            account: line.opening for account, line in later.items()
        }
    whole = trial_balance(db, currency)
    for account, line in whole.items():
        assert line.closing == periods[-1][account].closing
    exact = Decimal(amount_minor) * 28 / 1000
    assert sum(period["revenue"].credit for period in periods) == -whole["revenue"].closing
    assert abs(-whole["revenue"].closing / Decimal(coin) - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("currency", "amount_minor", "paid"),
    [("krw", 1500, "1500"), ("bhd", 1500, "1.500"), ("nok", 1500, "15.00")],
)
def test_money_has_the_places_of_its_currency(
    db: Database, currency: str, amount_minor: int, paid: str
) -> None:
    purchase = buy(db, credit_amount=7, amount_minor=amount_minor, currency=currency)
    spend(db, purchase.user_id, 1)
    lines = trial_balance(db, currency)
    assert str(lines["cash_at_stripe"].closing) == paid
    assert {line.closing.as_tuple().exponent for line in lines.values()} == {
        Decimal(paid).as_tuple().exponent
    }


def test_deferred_revenue_can_be_read_at_any_date(db: Database) -> None:
    purchase = buy(db, credit_amount=55, amount_minor=5000, currency="dkk")
    deferred = []
    for _ in range(3):
        deferred.append(-trial_balance(db, "dkk")["user_liability"].closing)
        spend(db, purchase.user_id, 11)
    assert deferred == [50, 40, 30]


@pytest.mark.parametrize(
    ("since", "until"),
    [(None, "2026-01-01"), ("2026-01-01", None), ("2026-01-01", "2026-01-01"), ("2026-01-02", "2026-01-01")],
)
def test_period_must_begin_before_it_ends(db: Database, since: str | None, until: str | None) -> None:
    with db.refused("PT400", "invalid_argument"):
        db.rpc_rows("credit_report", since=since, until=until)
