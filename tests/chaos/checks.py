"""What must be true when everybody is done: nothing lost, nothing doubled, on both sides the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from service.settings import VARIABLES
from tests.chaos.both_sides import StripeSide, list_all, read_rows
from tests.chaos.pages import walks_along
from tests.chaos.persistent import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.sandbox.stack import Stack
    from tests.chaos.buyers import Order
    from tests.chaos.pages import Pages
    from tests.integration.service.books import Books
    from tests.integration.service.shop import StripeAccount


def check_acknowledged_events_are_stored(stack: Stack, books: Books) -> None:
    """Whatever was answered 2xx is there, whoever died right after it."""
    deliveries = stack.simulator.deliveries()
    assert {delivery["state"] for delivery in deliveries} == {"succeeded", "dropped"}
    acknowledged = {each["event"] for each in deliveries if each["state"] == "succeeded"}
    stored = books.rows("select id from credits.stripe_events where outcome = 'applied'")
    assert acknowledged - {row["id"] for row in stored} == set()


def reconcile(stack: Stack) -> dict[str, Any]:
    """`topup reconcile`; its report."""
    names = {variable.name for variable in VARIABLES}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-m", "service", "reconcile", "--since", "3h", "--json"],
        env={**inherited, "NO_PROXY": "127.0.0.1,localhost", **stack.environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def check_both_sides_agree(books: Books, account: StripeAccount, orders: Iterable[Order]) -> None:
    """Purchase by purchase, and one PaymentIntent for each Idempotency-Key."""
    stripe = StripeSide(account)
    rows = {row.key: row for row in read_rows(books)}
    wanted = {order.key: order for order in orders}

    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    for key, row in rows.items():
        balances[row.user_id] += row.due.purchase + row.due.refund + row.due.dispute
        order = wanted.pop(key)
        assert row.user_id == str(order.user.id)
        if row.intent is None:
            # Whoever never asks again may leave a purchase that never got to Stripe.
            assert (order.course, row.due.status, order.intents) == ("never asked again", "pending", set())
            continue
        assert order.intents <= {row.intent}
        intent = stripe.intents.pop(row.intent)
        assert intent["metadata"] == {"transaction_id": row.id, "user_id": row.user_id}
        assert row.due == stripe.due(intent, row.credits), order
    # No second PaymentIntent for any purchase, and no purchase that is not there.
    assert stripe.intents == {}
    assert {order.course for order in wanted.values()} <= {"never asked again"}
    assert {
        str(row["user_id"]): row["balance"]
        for row in books.rows("select user_id, balance from credits.accounts")
    } == balances
    customers = Counter(each["metadata"]["user_id"] for each in list_all(account, "customers"))
    assert customers == dict.fromkeys(balances, 1)


def check_users_saw_only_what_was(books: Books, pages: Pages) -> None:
    """Nobody saw a balance that was never theirs, nor an older one after a newer."""
    for user_id, seen in pages.seen.items():
        entries = books.rows(
            "select balance_after from credits.ledger_entries where user_id = %s order by id", user_id
        )
        balances = [Decimal(), *(entry["balance_after"] for entry in entries)]
        assert walks_along(seen, balances), (user_id, seen, balances)
