"""`topup report`: the trial balance, in credits and in each currency."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from service.bookkeeping import Bookkeeping, ReportRow

if TYPE_CHECKING:
    from tests.integration.accounting.conftest import Customer, Topup

TODAY = datetime.now(UTC).date().isoformat()


def database_time(customer: Customer) -> str:
    """A moment after everything so far."""
    now: datetime = customer.books.value("select clock_timestamp()")
    return now.isoformat()


@pytest.fixture(name="period")
def trade(customer: Customer) -> tuple[str, str]:
    """A period in which a third of three-decimal money was used, and all of no-decimal money; its ends."""
    since = database_time(customer)
    customer.buy(10_000, "omr", 3)
    customer.spend("1")
    customer.buy(1000, "krw", 7)
    customer.spend("2")
    spend = customer.spend("3")
    customer.books.rows("select * from public.refund_spend(%s, %s, 1, 'r')", customer.id, spend)
    return since, database_time(customer)


def read(topup: Topup, period: tuple[str, str], *more: str) -> Any:  # noqa: ANN401 - JSON
    since, until = period
    printed = topup("report", "--from", since, "--to", until, "--format", "json", *more).stdout
    return json.loads(printed, parse_float=str, parse_int=str)


def moved(unit: Any) -> dict[str, tuple[str, str]]:  # noqa: ANN401 - JSON
    return {each["account"]: (each["debit"], each["credit"]) for each in unit["accounts"]}


def test_each_currency_has_its_own_places_and_debits_equal_credits(
    topup: Topup, period: tuple[str, str]
) -> None:
    report = read(topup, period)
    assert (report["success"], report["faults"]) == (True, [])
    # 10.000 omr bought 3 credits, all used: first 1, then 2. 1000 krw bought 7, of which 2 of 3 came back: 3.
    omr, krw = report["units"]["omr"], report["units"]["krw"]
    assert moved(omr)["cash_at_stripe"] == ("10.000", "0.000")
    assert moved(omr)["revenue"] == ("0.000", "10.000")
    assert moved(krw)["cash_at_stripe"] == ("1000", "0")
    assert moved(krw)["revenue"] == ("143", "429")
    assert moved(krw)["user_liability"] == ("429", "1143")
    for unit in report["units"].values():
        for side in ("opening", "closing"):
            assert sum(Decimal(each[side]) for each in unit["accounts"]) == 0
        assert sum(Decimal(each["debit"]) - Decimal(each["credit"]) for each in unit["accounts"]) == 0


def test_deferred_revenue_is_what_was_paid_for_and_not_used(
    topup: Topup, customer: Customer, period: tuple[str, str]
) -> None:
    before = read(topup, period)["units"]["krw"]["deferred_revenue"]
    customer.spend("5")
    after = read(topup, (period[0], database_time(customer)))["units"]["krw"]["deferred_revenue"]
    # 714.29, of a sum that is rounded.
    assert int(before) - int(after) in {714, 715}
    accounts = read(topup, period)["units"]["krw"]["accounts"]
    [liability] = [each for each in accounts if each["account"] == "user_liability"]
    assert int(liability["closing"]) == -int(before)


def test_the_end_of_a_period_is_the_beginning_of_the_next(
    topup: Topup, customer: Customer, period: tuple[str, str]
) -> None:
    customer.grant("1", "Sorry")
    first = read(topup, period)["units"]
    second = read(topup, (period[1], database_time(customer)))["units"]
    for unit in ("omr", "krw"):
        closing = {each["account"]: each["closing"] for each in first[unit]["accounts"]}
        opening = {each["account"]: each["opening"] for each in second[unit]["accounts"]}
        assert {name: Decimal(opening[name]) for name in closing} == {
            name: Decimal(figure) for name, figure in closing.items()
        }
    assert Decimal(moved(second["credits"])["promotion"][0]) == 1


@pytest.mark.usefixtures("period")
def test_the_text_has_a_sum_below_each_table_and_says_what_is_owed(topup: Topup) -> None:
    lines = topup("report", "--from", TODAY).stdout.splitlines()
    assert lines[0] == "Trial balance"
    assert lines[1].startswith(f"from {TODAY} to before ")
    at = lines.index("In krw")
    assert lines[at + 1].split() == ["ACCOUNT", "OPENING", "DEBIT", "CREDIT", "CLOSING"]
    table = lines[at + 2 : lines.index("", at)]
    [liability] = [line for line in table if line.startswith("user liability ")]
    assert liability.endswith("what users can still use")
    assert "." not in liability
    name, opening, debit, credit, closing = table[-1].split()
    assert (name, opening, closing) == ("sum", "0", "0")
    assert debit == credit
    assert lines[-1] == "Debits equal credits in every unit."
    assert lines[-2].startswith("Deferred revenue at the end: ")
    assert " krw" in lines[-2]


def test_csv_has_a_record_for_each_account_in_each_unit(topup: Topup, period: tuple[str, str]) -> None:
    since, until = period
    printed = topup("report", "--from", since, "--to", until, "--format", "csv").stdout_bytes.decode()
    head, *records = csv.reader(io.StringIO(printed, newline=""), strict=True)
    assert head == ["unit", "account", "opening", "debit", "credit", "closing"]
    [cash] = [record for record in records if record[:2] == ["krw", "cash_at_stripe"]]
    assert cash[3:5] == ["1000", "0"]
    assert printed.count("\r\n") == len(records) + 1


def test_nothing_had_moved_before_the_beginning(topup: Topup) -> None:
    printed = topup("report", "--month", "1999-12").stdout
    assert printed.splitlines()[-1] == "Nothing has ever moved by then."
    assert json.loads(topup("report", "--month", "1999-12", "--format", "json").stdout)["units"] == {}


@pytest.mark.parametrize("format_", ["text", "csv", "json"])
def test_books_that_do_not_balance_end_with_status_1(
    topup: Topup, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    # The journal balances by its construction, so this stands for one that was changed.
    async def unbalanced(*_: object) -> list[ReportRow]:
        nothing = Decimal()
        return [
            ReportRow("usd", "cash_at_stripe", nothing, Decimal(15), nothing, Decimal(15)),
            ReportRow("usd", "user_liability", nothing, nothing, Decimal("14.99"), Decimal("-14.99")),
        ]

    monkeypatch.setattr(Bookkeeping, "report", unbalanced)
    done = topup("report", "--month", "2026-11", "--format", format_, status=1)
    assert "debits are 15 in usd, credits 14.99" in done.stderr
    if format_ == "json":
        assert json.loads(done.stdout)["success"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--to", "2026-11-01"),
        ("--month", "2026-11", "--to", "2026-11-01"),
        ("--from", "2026-11-02", "--to", "2026-11-01"),
        ("--month", "11/2026"),
    ],
)
def test_wrong_arguments_end_with_status_2(topup: Topup, arguments: tuple[str, ...]) -> None:
    done = topup("report", *arguments, status=2)
    assert (done.stdout, bool(done.stderr)) == ("", True)
