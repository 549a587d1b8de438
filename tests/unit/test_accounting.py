from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bookkeeping import ReportRow
from service.operate.csv_files import show_text, to_csv
from service.operate.money import places_of, show_credits
from service.operate.periods import Period, parse_moment, parse_month, show_period
from service.operate.trial_balance import deferred_revenue, find_faults

NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def test_a_month_is_its_days_in_utc() -> None:
    assert parse_month("2026-11") == NOVEMBER
    assert parse_month("2024-02").until == datetime(2024, 3, 1, tzinfo=UTC)
    assert parse_month("2026-12").until == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-1", "2026-11-01", "11-2026", "9999-12", "٢٠٢٦-11"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026-11"):
        parse_month(text)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-01", 0),
        ("2026-11-01T18:30", 18),
        ("2026-11-01 18:30:00", 18),
        ("2026-11-01T18:30+02:00", 16),
    ],
)
def test_a_moment_is_in_utc_unless_it_says_otherwise(text: str, hour: int) -> None:
    moment = parse_moment(text)
    assert (moment.date().isoformat(), moment.hour, moment.utcoffset()) == (
        "2026-11-01",
        hour,
        UTC.utcoffset(None),
    )


@pytest.mark.parametrize("text", ["", "now", "2026-11", "2026-11-31", "20261101", "0001-01-01T00:00+14:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026-11-26"):
        parse_moment(text)


def test_a_period_says_that_its_end_is_not_in_it_and_whether_it_is_over() -> None:
    assert show_period(NOVEMBER, NOVEMBER.until) == "from 2026-11-01 to before 2026-12-01 (UTC)"
    running = show_period(NOVEMBER, datetime(2026, 11, 26, tzinfo=UTC))
    assert running == "from 2026-11-01 to before 2026-12-01 (UTC; it is not over yet)"
    part = Period(NOVEMBER.since, datetime(2026, 11, 1, 18, 30, tzinfo=UTC))
    assert "to before 2026-11-01 18:30:00" in show_period(part, NOVEMBER.until)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"],  # noqa: RUF001 - the wide sign
)
def test_text_that_a_spreadsheet_would_run_is_kept_text(text: str) -> None:
    assert show_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Usage", "1+1", "a=b", "'quoted", '"=1"'])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert show_text(text) == text


@given(rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_whatever_stands_in_a_cell_can_be_read_back(rows: list[list[str]]) -> None:
    text = to_csv(("a", "b"), rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["a", "b"], *rows]


def test_a_column_has_the_places_of_its_longest_amount() -> None:
    assert places_of([]) == 2
    assert places_of([Decimal("1.500000"), Decimal(100)]) == 2
    assert places_of([Decimal("1.5"), Decimal("0.001"), Decimal("1E+3")]) == 3
    assert show_credits(Decimal("-1.5"), places=4) == "−1.5000"  # noqa: RUF001 - a true minus


def row(account: str, opening: str, debit: str, credit: str, unit: str = "usd") -> ReportRow:
    closing = Decimal(opening) + Decimal(debit) - Decimal(credit)
    return ReportRow(unit, account, Decimal(opening), Decimal(debit), Decimal(credit), closing)


def test_books_that_balance_have_no_fault() -> None:
    rows = [
        row("cash_at_stripe", "5", "10", "0"),
        row("user_liability", "-5", "3.33", "10"),
        row("revenue", "0", "0", "3.33"),
    ]
    assert find_faults(rows) == []
    assert deferred_revenue(rows) == Decimal("11.67")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([row("revenue", "0", "0", "1")], "debits are 0 in usd, credits 1"),
        ([row("revenue", "1", "0", "0")], "the opening balances in usd sum to 1, not to zero"),
        ([row("revenue", "0", "0", "1")], "the closing balances in usd sum to -1, not to zero"),
        (
            [ReportRow("usd", "revenue", Decimal(), Decimal(), Decimal(), Decimal(1))],
            "revenue in usd does not lead from its opening to its closing balance",
        ),
        (
            [row("revenue", "0", "1", "0", "usd"), row("user_liability", "0", "0", "1", "eur")],
            "debits are 0 in eur, credits 1",
        ),
    ],
)
def test_what_is_not_double_entry_is_named(rows: list[ReportRow], fault: str) -> None:
    assert fault in find_faults(rows)
