"""`topup expire`: what has lapsed is posted, for a schedule."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import psycopg

from service.operate import accounting
from tests.integration.accounting.conftest import Customer
from tests.integration.service.waiting import eventually

if TYPE_CHECKING:
    import pytest

    from service.sandbox.stack import Stack
    from tests.integration.accounting.conftest import Topup
    from tests.integration.service.books import Books


def lapsed_customers(books: Books, count: int) -> list[Customer]:
    """So many, each with 2 credits that have expired and a hold that has not."""
    found = []
    for _ in range(count):
        customer = Customer(books)
        customer.grant("2", "Trial")
        customer.let_grants_lapse()
        found.append(customer)
    return found


def run(topup: Topup) -> int:
    """Run it; how many accounts it says it went through. Those of other tests may be among them."""
    printed = topup("expire").stdout
    told = re.fullmatch(r"Brought up to date: (\d+) accounts?\.\n", printed)
    if told is None:
        assert printed == "Nothing had expired.\n"
        return 0
    return int(told[1])


def test_everything_that_has_lapsed_is_posted_a_few_accounts_at_a_time(
    topup: Topup, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "_ACCOUNTS_AT_ONCE", 2)
    customers = lapsed_customers(books, 5)
    assert run(topup) >= 5
    for customer in customers:
        assert books.entries(customer.id) == [("grant", 2), ("expiry", -2)]
    eventually(lambda: run(topup) == 0, "nothing is left to expire")
    assert all(books.entries(customer.id) == [("grant", 2), ("expiry", -2)] for customer in customers)


def test_json_says_how_many_accounts(topup: Topup, books: Books) -> None:
    lapsed_customers(books, 1)
    answer = json.loads(topup("expire", "--json").stdout)
    assert answer.keys() == {"success", "accounts"}
    assert answer["success"] is True
    assert answer["accounts"] >= 1


def test_an_account_in_use_is_passed_over_until_the_next_time(
    topup: Topup, books: Books, stack: Stack
) -> None:
    busy, idle = lapsed_customers(books, 2)
    with psycopg.connect(stack.supabase.database_url) as traffic:
        traffic.execute("select from credits.accounts where user_id = %s for update", (busy.id,))
        assert run(topup) >= 1
        assert (books.balance(idle.id), books.balance(busy.id)) == (0, 2)
    assert run(topup) >= 1
    assert books.balance(busy.id) == 0
