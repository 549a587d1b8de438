"""`topup reconcile`, `events`, `explain` and `audit` as processes: what they print, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.integration.reconcile.cashier import reconcile_now
from tests.integration.service.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typer.testing import Result

    from service.sandbox.stack import Stack
    from tests.integration.reconcile.cashier import Cashier, Purchase
    from tests.integration.service.shop import StripeAccount

    Run = Callable[..., Result]

TOPUP = [sys.executable, "-m", "service"]


@pytest.fixture(name="topup")
def run_topup(env: Mapping[str, str]) -> Run:
    """Run a command within this process; its output carries no escape codes, as no terminal reads it."""

    def run(*arguments: str, status: int = 0, **changes: str | None) -> Result:
        done = CliRunner().invoke(app, arguments, env={**env, **changes})
        assert done.exit_code == status, done.output
        assert "\x1b" not in done.output
        return done

    return run


def test_reconcile_prints_what_it_mended(topup: Run, cashier: Cashier) -> None:
    bought = cashier.buy()
    done = topup("reconcile", "--since", "1h")
    assert "Sent: " in done.stdout
    [line] = [line for line in done.stdout.splitlines() if str(bought.id) in line]
    assert line.split() == [str(bought.id), bought.intent, "pending,", "0.00", "succeeded,", "5.00"]
    assert done.stderr == ""
    again = topup("reconcile", "--since", "1h")
    assert again.stdout.splitlines()[-1] == "Nothing differs."


def test_reconcile_json_is_one_object_with_exact_decimals(topup: Run, cashier: Cashier) -> None:
    bought = cashier.buy()
    cashier.refund(bought, 150)
    done = topup("reconcile", "--json")
    report = json.loads(done.stdout, parse_float=str)
    assert report.keys() == {
        "success",
        "dry_run",
        "since",
        "read",
        "missing_events",
        "late_events",
        "differing_objects",
        "outcomes",
        "purchases",
        "closed",
        "unmended",
    }
    [change] = [one for one in report["purchases"] if one["transaction_id"] == str(bought.id)]
    assert change["was"] == {
        "status": "pending",
        "credits": "0.00",
        "refunded_amount": "0.00",
        "disputed_amount": "0.00",
    }
    assert change["now"] == {
        "status": "partially_refunded",
        "credits": "3.50",
        "refunded_amount": "1.50",
        "disputed_amount": "0.00",
    }
    assert {"id", "type"} == change["sent"][0].keys()


def test_dry_run_says_so(topup: Run, cashier: Cashier) -> None:
    bought = cashier.buy()
    done = topup("reconcile", "--dry-run")
    assert "dry run" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if str(bought.id) in line]
    assert line.endswith("payment_intent.created, payment_intent.succeeded")
    assert cashier.balance(bought) == 0


def test_what_cannot_be_mended_is_listed_and_ends_with_status_1(topup: Run, cashier: Cashier) -> None:
    bought = cashier.buy(amount=300)
    done = topup("reconcile", status=1)
    assert "For a person to look at:" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("mismatch: amount")]
    assert str(bought.id) in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("reconcile", "--since", "3"),
        ("reconcile", "--since", "0d"),
        ("reconcile", "--close-stale", "soon"),
        ("events", "--outcome", "lost"),
        ("events", "--user", "me"),
        ("events", "--type", "refund.failed,x"),
        ("explain",),
    ],
)
def test_wrong_arguments_end_with_status_2(topup: Run, arguments: tuple[str, ...]) -> None:
    done = topup(*arguments, status=2)
    assert (done.stdout, bool(done.stderr)) == ("", True)


def test_events_are_listed_newest_last_and_filtered(
    topup: Run, cashier: Cashier, account: StripeAccount, env: Mapping[str, str]
) -> None:
    bought = cashier.buy()
    cashier.refund(bought, 100)
    reconcile_now(env)
    user = str(bought.user_id)
    ids = {event["id"] for event in account.events_about(bought.intent)}

    listed = topup("events", "--user", user).stdout.splitlines()
    assert listed[0].split() == ["RECEIVED", "(UTC)", "OUTCOME", "TYPE", "PURCHASE", "EVENT"]
    assert all(str(bought.id) in line and "applied" in line for line in listed[1:])
    assert ids <= {line.split()[-1] for line in listed[1:]}

    rows = [json.loads(line) for line in topup("events", "--user", user, "--json").stdout.splitlines()]
    assert rows[0].keys() == {
        "id",
        "type",
        "outcome",
        "reason",
        "user_id",
        "transaction_id",
        "livemode",
        "attempts",
        "created_at",
        "received_at",
        "payload",
    }
    assert [row["received_at"] for row in rows] == sorted(row["received_at"] for row in rows)

    def types(*arguments: str) -> set[str]:
        done = topup("events", "--user", user, "--json", *arguments)
        return {json.loads(line)["type"] for line in done.stdout.splitlines()}

    assert types("--type", "payment_intent.succeeded") == {"payment_intent.succeeded"}
    assert types("--type", "refund.*") == {"refund.created"}
    assert types("--outcome", "mismatch") == set()
    assert len(types("--limit", "1")) == 1
    assert types("--since", "1h") >= {"payment_intent.created", "charge.refunded"}
    assert "No such event" in topup("events", "--user", str(uuid.uuid4())).stdout


def test_events_are_followed_as_they_come_in(cashier: Cashier, env: Mapping[str, str]) -> None:
    bought = cashier.order()
    before = deliver(cashier, bought, "payment_intent.created")
    follow = [*TOPUP, "events", "--follow", "--json", "--user", str(bought.user_id)]
    with subprocess.Popen(
        follow, env={**os.environ, **env, "NO_PROXY": "127.0.0.1"}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["id"] == before
            later = deliver(cashier, bought, "payment_intent.processing")
            assert json.loads(process.stdout.readline())["id"] == later
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def deliver(cashier: Cashier, purchase: Purchase, event_type: str) -> str:
    """Have an event of a purchase taken over; its id."""
    event: dict[str, Any] = {
        "id": f"evt_{uuid.uuid4().hex}",
        "type": event_type,
        "created": 1_700_000_000,
        "livemode": False,
        "object": {
            "id": purchase.intent,
            "object": "payment_intent",
            "amount": purchase.amount,
            "currency": "usd",
            "status": "processing",
            "livemode": False,
        },
    }
    assert cashier.deliver(event) == ["applied"]
    return str(event["id"])


def test_explain_tells_the_story_of_a_purchase_by_any_of_its_ids(
    topup: Run, cashier: Cashier, env: Mapping[str, str]
) -> None:
    bought = cashier.buy()
    cashier.refund(bought, 150)
    reconcile_now(env)
    told = topup("explain", bought.intent).stdout
    assert topup("explain", str(bought.id)).stdout == told
    assert f"User {bought.user_id}  balance 3.50 credits" in told
    assert "Small Package purchase: 5.00 credits for 5.00 usd  partially_refunded" in told
    [paid] = [line for line in told.splitlines() if "payment of 5.00 usd succeeded" in line]
    assert "+5.00" in paid
    [refunded] = [line for line in told.splitlines() if "−1.50" in line]  # noqa: RUF001 - a true minus
    # Any of the events that tell of it may be the first.
    assert "refund" in refunded.lower()
    assert "3.50" in refunded.split()
    assert str(bought.id) in topup("explain", str(bought.user_id)).stdout


def test_explain_json_is_everything_that_is_known(
    topup: Run, cashier: Cashier, env: Mapping[str, str]
) -> None:
    bought = cashier.buy()
    cashier.refund(bought, 150)
    reconcile_now(env)
    told = json.loads(topup("explain", str(bought.id), "--json").stdout)
    parts = {"account", "purchases", "refunds", "disputes", "events", "lots", "holds", "entries"}
    assert told.keys() == parts
    assert [purchase["id"] for purchase in told["purchases"]] == [str(bought.id)]
    assert [(entry["kind"], entry["amount"]) for entry in told["entries"]] == [
        ("purchase", 5),
        ("refund", -1.5),
    ]


def test_explain_of_an_unknown_id_says_so(topup: Run) -> None:
    done = topup("explain", "pi_unknown", status=1)
    assert done.stderr == "error: No user, purchase or PaymentIntent has this id.\n"


def test_audit_says_that_all_adds_up(topup: Run) -> None:
    assert topup("audit").stdout == "All adds up: balances, ledger, purchases and events.\n"
    assert json.loads(topup("audit", "--json").stdout) == {"success": True, "findings": []}


def test_audit_shows_what_does_not_add_up_and_ends_with_status_1(
    topup: Run, cashier: Cashier, stack: Stack, env: Mapping[str, str]
) -> None:
    bought = cashier.buy()
    reconcile_now(env)
    with psycopg.connect(stack.supabase.admin_database_url, autocommit=True) as admin:
        tamper = "update credits.accounts set balance = balance + %s where user_id = %s"
        admin.execute(tamper, (1, bought.user_id))
        try:
            plain = topup("audit", status=1).stdout
            answer = json.loads(topup("audit", "--json", status=1).stdout)
        finally:
            admin.execute(tamper, (-1, bought.user_id))
    assert "a balance is not the sum of its ledger entries" in plain
    assert answer == {
        "success": False,
        "findings": [
            {
                "finding": "balance_is_not_the_sum_of_entries",
                "user_id": str(bought.user_id),
                "subject": str(bought.user_id),
                "detail": "balance 6.000000, entries 5.000000",
            }
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "changes", "told"),
    [
        (("audit",), {"SUPABASE_SECRET_KEY": "sb_secret_wrong"}, "Supabase refuses the request"),
        (("reconcile",), {"STRIPE_SECRET_KEY": "sk_test_wrong"}, "Stripe refuses the request"),
    ],
)
def test_refusals_are_told_in_words(
    topup: Run, arguments: tuple[str, ...], changes: dict[str, str], told: str
) -> None:
    done = topup(*arguments, "--json", status=1, **changes)
    assert done.stdout == ""
    assert told in done.stderr
    assert "`topup doctor` finds out why" in done.stderr


@pytest.mark.parametrize("arguments", [("reconcile",), ("events",), ("explain", "pi_1"), ("audit",)])
def test_missing_settings_are_named_and_end_with_status_2(topup: Run, arguments: tuple[str, ...]) -> None:
    done = topup(*arguments, status=2, SUPABASE_SECRET_KEY=None)
    assert "SUPABASE_SECRET_KEY is missing" in done.stderr
