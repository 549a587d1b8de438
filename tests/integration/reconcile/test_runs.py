"""A run among others: limited, cut off, killed, beside another one and beside live webhooks."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.integration.reconcile.cashier import reconcile_now
from tests.integration.service.waiting import PATIENCE, at_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.sandbox.stack import Stack
    from tests.integration.reconcile.cashier import Cashier, Purchase
    from tests.integration.reconcile.turnstile import Turnstile
    from tests.integration.service.shop import StripeAccount

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew


def buy_some(cashier: Cashier, count: int = 6) -> list[Purchase]:
    """Purchases, each refunded in part: 5.00 less 1.00."""
    bought = [cashier.buy() for _ in range(count)]
    for purchase in bought:
        cashier.refund(purchase, 100)
    return bought


def assert_credited(cashier: Cashier, bought: list[Purchase]) -> None:
    """Each once, and each refund once."""
    for purchase in bought:
        assert cashier.balance(purchase) == 4
        entries = cashier.books.entries(purchase.user_id)
        assert sorted(kind for kind, _ in entries) == ["purchase", "refund"]


@contextmanager
def started(env: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`topup reconcile` as a process of its own."""
    command = [sys.executable, "-m", "service", "reconcile", "--json", *arguments]
    with subprocess.Popen(
        command, env={**os.environ, **env, "NO_PROXY": "127.0.0.1"}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_killed_run_is_simply_run_again(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    # The events are hidden, so that it dies between the payments and their refunds.
    turnstile.hidden = {"/v1/events"}
    bought = buy_some(cashier)
    turnstile.hold_answer_of("/v1/refunds")
    with started(env_behind) as process:
        turnstile.wait_until_held()
        process.kill()
        process.wait(PATIENCE)
    assert {cashier.balance(purchase) for purchase in bought} == {5}

    report = reconcile_now(env_behind)

    assert report.success
    assert_credited(cashier, bought)
    assert reconcile_now(env_behind).differences == 0


def test_two_runs_at_once_do_the_work_of_one(cashier: Cashier, env: Mapping[str, str]) -> None:
    bought = buy_some(cashier)
    events = cashier.books.count_events()
    reports = at_once(2, lambda _: reconcile_now(env))
    assert [report.success for report in reports] == [True, True]
    applied = sum(report.outcomes.get("applied", 0) for report in reports)
    assert cashier.books.count_events() == events + applied
    assert_credited(cashier, bought)
    assert reconcile_now(env).differences == 0


def test_two_runs_that_see_only_objects_do_the_work_of_one(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    bought = buy_some(cashier)
    reports = at_once(2, lambda _: reconcile_now(env_behind))
    assert [report.success for report in reports] == [True, True]
    assert_credited(cashier, bought)
    assert reconcile_now(env_behind).differences == 0


def test_payment_that_succeeds_while_the_lists_are_read_is_no_contradiction(
    cashier: Cashier, account: StripeAccount, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    bought = cashier.order()
    turnstile.hold_answer_of("/v1/payment_intents")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(reconcile_now, env_behind)
        turnstile.wait_until_held()
        # The list that is on its way shows it unpaid; now it is paid, and the webhook comes first.
        cashier.confirm(bought)
        [paid] = [e for e in account.events_about(bought.intent) if e["type"].endswith("succeeded")]
        assert cashier.deliver({**paid, "object": paid["data"]["object"]}) == ["applied"]
        turnstile.release()
        report = running.result()
    assert (report.success, report.unmended) == (True, [])
    assert cashier.balance(bought) == 5


def test_rate_limit_is_waited_out_as_long_as_stripe_asks(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    bought = buy_some(cashier, 2)
    turnstile.refusals, turnstile.retry_after = 2, 1
    report = reconcile_now(env_behind)
    assert report.success
    assert_credited(cashier, bought)
    first, second = turnstile.refused_at
    assert second - first >= 1
    assert turnstile.passed_at[0] - second >= 1


def test_rate_limit_without_a_time_is_waited_out_too(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    bought = buy_some(cashier, 2)
    turnstile.refusals = 3
    assert reconcile_now(env_behind).success
    assert_credited(cashier, bought)
    attempts = [*turnstile.refused_at, turnstile.passed_at[0]]
    pauses = [after - before for before, after in pairwise(attempts)]
    # Half of 0.5, 1 and 2 s at least: jitter takes no more.
    assert all(pause >= least for pause, least in zip(pauses, (0.25, 0.5, 1.0), strict=True))


def test_outage_of_the_database_in_the_middle_is_waited_out(
    cashier: Cashier, stack: Stack, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    bought = buy_some(cashier, 2)
    turnstile.hold_answer_of("/v1/events")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(reconcile_now, env_behind)
        turnstile.wait_until_held()
        stack.supabase.kill_postgrest()
        try:
            turnstile.release()
        finally:
            stack.supabase.start_postgrest()
        assert running.result().success
    assert_credited(cashier, bought)


def test_lookups_are_bounded(cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile) -> None:
    bought = [cashier.order() for _ in range(20)]
    for purchase in bought:
        cashier.make_older(purchase, 9000)
    turnstile.hidden = {"/v1/events", "/v1/payment_intents", "/v1/refunds", "/v1/disputes"}
    turnstile.gated, turnstile.gate = r"/v1/payment_intents/pi_", 8
    report = reconcile_now(env_behind, "8000d")
    assert {one.reason for one in report.unmended} <= {"Stripe has no such PaymentIntent"}
    assert turnstile.most_at_once == 8
    for purchase in bought:
        cashier.make_older(purchase, 0)
