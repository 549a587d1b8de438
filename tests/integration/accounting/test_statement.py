"""`topup statement`: all that one account held and moved."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest

from service import bookkeeping
from service.operate.periods import Period
from service.operate.session import open_books
from service.operate.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.bookkeeping import LedgerRow
    from service.sandbox.stack import Stack
    from tests.integration.accounting.conftest import Customer, Topup

TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the commands run on."""
    return "asyncio"


def test_a_statement_leads_from_one_balance_to_the_next(topup: Topup, customer: Customer) -> None:
    customer.grant("10")
    spend = customer.spend("2.5", "A long\nsummary")
    customer.books.rows("select * from public.refund_spend(%s, %s, 0.000001, 'r')", customer.id, spend)
    printed = topup("statement", "--user", str(customer.id), "--since", TODAY).stdout
    head, when, empty, *lines = printed.splitlines()
    assert head == f"Credits of {customer.id}"
    assert when.startswith(f"from {TODAY} to before ")
    assert empty == ""
    assert [line[19:].split(maxsplit=1)[0] for line in lines[2:5]] == ["grant", "spend", "spend"]
    told = [" ".join(line[19:].split()) for line in lines]
    assert told[1] == "opening balance 0.000000"
    assert told[2] == "grant Welcome +10.000000 10.000000"
    assert told[3] == "spend A long summary −2.500000 7.500000"  # noqa: RUF001 - a true minus
    assert told[4] == "spend refund Refund of A long summary +0.000001 7.500001"
    assert told[5] == "closing balance 7.500001"
    # The points stand in one column.
    assert len({line.rindex(".") for line in lines[1:6]}) == 1
    assert [" ".join(line.split()) for line in lines[7:]] == [
        "TOTAL OF ENTRIES CREDITS",
        "grant 1 +10.000000",
        "spend 1 −2.500000",  # noqa: RUF001 - a true minus
        "spend refund 1 +0.000001",
    ]


def test_what_came_before_is_in_the_opening_balance_and_what_comes_later_is_not_told(
    topup: Topup, customer: Customer
) -> None:
    customer.grant("10")
    first = customer.spend("1", "First")
    customer.spend("2", "Second")
    between = customer.books.value(
        "select created_at from credits.ledger_entries where user_id = %s and id > %s", customer.id, first
    )
    user = ("statement", "--user", str(customer.id), "--format", "json")
    before = json.loads(topup(*user, "--since", TODAY, "--until", between.isoformat()).stdout)
    after = json.loads(topup(*user, "--since", between.isoformat()).stdout)
    assert [entry["description"] for entry in before["entries"]] == ["Welcome", "First"]
    assert [entry["description"] for entry in after["entries"]] == ["Second"]
    assert (before["opening"], before["closing"], after["opening"], after["closing"]) == (0, 9, 9, 7)
    assert after["totals"] == {"spend": {"entries": 1, "amount": -2}}


def test_an_account_that_did_not_move_has_two_balances(topup: Topup, customer: Customer) -> None:
    customer.grant("10")
    lines = topup("statement", "--user", str(customer.id), "--month", "2020-02").stdout.splitlines()
    assert lines[1] == "from 2020-02-01 to before 2020-03-01 (UTC)"
    assert [line.split() for line in lines[4:]] == [
        ["opening", "balance", "0.00"],
        ["closing", "balance", "0.00"],
    ]


def test_csv_is_rfc_4180_and_no_text_of_others_becomes_a_formula(topup: Topup, customer: Customer) -> None:
    customer.grant("10", '=HYPERLINK("http://evil.example","Click"), now')
    customer.spend("2.5", "@SUM(1)\nand more")
    customer.spend("1", "Fine, -1 and = too")
    printed = topup("statement", "--user", str(customer.id), "--since", TODAY, "--format", "csv")
    text = printed.stdout_bytes.decode()
    assert text.count("\r\n") == 6
    assert text.endswith("\r\n")
    head, opening, *entries, closing = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == ["created_at", "entry", "kind", "description", "amount", "balance", "purchase", "spend"]
    assert opening[2:6] == ["opening", "", "", "0.00"]
    assert [entry[2:6] for entry in entries] == [
        ["grant", '\'=HYPERLINK("http://evil.example","Click"), now', "10.00", "10.00"],
        ["spend", "'@SUM(1)\nand more", "-2.50", "7.50"],
        ["spend", "Fine, -1 and = too", "-1.00", "6.50"],
    ]
    assert closing[2:6] == ["closing", "", "", "6.50"]
    assert datetime.fromisoformat(entries[0][0]).tzinfo == UTC


def test_json_has_every_page_with_exact_decimals(
    topup: Topup, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "MAX_ROWS", 3)
    customer.grant("9007199254.740993")
    spends = [customer.spend("0.1") for _ in range(7)]
    printed = topup("statement", "--user", str(customer.id), "--since", TODAY, "--format", "json").stdout
    told = json.loads(printed, parse_float=str)
    assert told["success"] is True
    assert (told["opening"], told["closing"]) == ("0.00", "9007199254.040993")
    assert [entry["id"] for entry in told["entries"]][1:] == spends
    assert told["totals"]["spend"] == {"entries": 7, "amount": "-0.70"}


async def test_a_statement_is_whole_while_the_account_moves(
    env: Mapping[str, str], customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "MAX_ROWS", 2)
    customer.grant("10")
    for _ in range(4):
        customer.spend("1")
    async with open_books(env) as (_, books):
        list_entries = books.list_entries

        async def list_while_it_moves(
            user_id: uuid.UUID, since: datetime, until: datetime, *, after: datetime | None
        ) -> list[LedgerRow]:
            customer.spend("0.5")
            return await list_entries(user_id, since, until, after=after)

        monkeypatch.setattr(books, "list_entries", list_while_it_moves)
        now = datetime.now(UTC)
        period = Period(now - timedelta(days=1), now + timedelta(days=1))
        statement = await read_statement(books, customer.id, period)
    assert statement.find_fault() is None
    assert statement.summary.closing == Decimal(6)
    assert [entry.amount for entry in statement.entries] == [10, -1, -1, -1, -1]


@pytest.mark.parametrize("format_", ["text", "csv", "json"])
def test_a_statement_that_does_not_add_up_ends_with_status_1(
    topup: Topup, customer: Customer, stack: Stack, format_: str
) -> None:
    customer.grant("10")
    spent = customer.spend("1")
    change = "update credits.ledger_entries set amount = amount + %s where user_id = %s and id = %s"
    with psycopg.connect(stack.supabase.admin_database_url, autocommit=True) as admin:
        admin.execute("set session_replication_role = replica")  # the trigger stands back
        admin.execute(change, (-1, customer.id, spent))
        try:
            done = topup(
                "statement", "--user", str(customer.id), "--since", TODAY, "--format", format_, status=1
            )
        finally:
            admin.execute(change, (1, customer.id, spent))
    assert f"entry {spent} ends at 9.00, and not at 8.00" in done.stderr
    assert "Welcome" in done.stdout


def test_a_user_without_an_account_has_no_statement(topup: Topup) -> None:
    done = topup("statement", "--user", str(uuid.uuid4()), "--month", "2026-11", status=1)
    assert (done.stdout, done.stderr) == ("", "error: This user has no account.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--user", "me", "--month", "2026-11"),
        ("--user", str(uuid.uuid4())),
        ("--user", str(uuid.uuid4()), "--month", "2026-13"),
        ("--user", str(uuid.uuid4()), "--month", "2026-11", "--since", "2026-11-01"),
        ("--user", str(uuid.uuid4()), "--month", "2026-11", "--until", "2026-11-01"),
        ("--user", str(uuid.uuid4()), "--until", "2026-11-01"),
        ("--user", str(uuid.uuid4()), "--since", "yesterday"),
        ("--user", str(uuid.uuid4()), "--since", "2026-11-02", "--until", "2026-11-02"),
        ("--user", str(uuid.uuid4()), "--month", "2026-11", "--format", "pdf"),
    ],
)
def test_wrong_arguments_end_with_status_2(topup: Topup, arguments: tuple[str, ...]) -> None:
    done = topup("statement", *arguments, status=2)
    assert (done.stdout, bool(done.stderr)) == ("", True)
