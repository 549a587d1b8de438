"""What does not fit: told to a person each time, and never credited."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.integration.reconcile.cashier import reconcile_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from service.reconcile.report import Report
    from tests.integration.reconcile.cashier import Cashier
    from tests.integration.reconcile.turnstile import Turnstile
    from tests.integration.service.shop import StripeAccount


def reasons(report: Report, transaction_id: UUID | None) -> set[tuple[str, str]]:
    """The Stripe ids and reasons of what could not be mended about a purchase."""
    return {(one.id, one.reason) for one in report.unmended if one.transaction_id == transaction_id}


def test_wrong_amount_is_told_each_time_and_sent_once(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    bought = cashier.buy(amount=300)
    snapshot = f"reconcile:{bought.intent}:succeeded"

    first = reconcile_now(env_behind)
    events = cashier.books.count_events()
    second = reconcile_now(env_behind)

    assert not first.success
    assert reasons(first, bought.id) == {(snapshot, "mismatch: amount")}
    assert (second.success, second.outcomes) == (False, {})
    assert reasons(second, bought.id) == {(snapshot, "mismatch: amount")}
    assert cashier.books.count_events() == events
    assert (cashier.status(bought), cashier.balance(bought)) == ("pending", 0)


def test_event_that_does_not_fit_is_told_when_it_is_fed(cashier: Cashier, env: Mapping[str, str]) -> None:
    bought = cashier.buy(currency="eur")
    report = reconcile_now(env)
    assert "mismatch: currency" in {reason for _, reason in reasons(report, bought.id)}
    assert cashier.balance(bought) == 0


def test_payment_for_a_purchase_that_is_not_here_is_told(
    cashier: Cashier, account: StripeAccount, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    lost = {"metadata[transaction_id]": str(uuid.uuid4()), "metadata[user_id]": str(uuid.uuid4())}
    params = {"amount": 500, "currency": "usd", **lost}
    unpaid = account.post("payment_intents", **params)["id"]
    paid = account.post(
        "payment_intents",
        confirm="true",
        payment_method="pm_card_visa",
        return_url="https://x.test",
        **params,
    )["id"]
    told = reasons(reconcile_now(env_behind), None)
    assert (f"reconcile:{paid}:succeeded", "mismatch: unknown_transaction") in told
    assert not any(unpaid in event for event, _ in told)
    assert cashier.books.event(f"reconcile:{paid}:succeeded") == ("mismatch", "unknown_transaction")


def test_second_payment_of_one_purchase_is_told_and_only_once_credited(
    cashier: Cashier, account: StripeAccount, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    bought = cashier.buy()
    ours = {"metadata[transaction_id]": str(bought.id), "metadata[user_id]": str(bought.user_id)}
    params = {"amount": bought.amount, "currency": "usd", **ours}
    # One that nobody pays harms nobody.
    account.post("payment_intents", **params)
    second = account.post(
        "payment_intents",
        confirm="true",
        payment_method="pm_card_visa",
        return_url="https://x.test",
        **params,
    )["id"]
    told = reasons(reconcile_now(env_behind), bought.id)
    assert told == {(f"reconcile:{second}:succeeded", "mismatch: payment_intent")}
    assert cashier.balance(bought) == 5


def test_credits_for_a_payment_that_stripe_does_not_have_are_told(
    cashier: Cashier, env: Mapping[str, str]
) -> None:
    bought = cashier.order()
    forged = {
        "id": f"evt_{uuid.uuid4().hex}",
        "type": "payment_intent.succeeded",
        "created": 1_700_000_000,
        "livemode": False,
        "object": {
            "id": bought.intent,
            "object": "payment_intent",
            "amount": bought.amount,
            "amount_received": bought.amount,
            "currency": "usd",
            "status": "succeeded",
            "livemode": False,
        },
    }
    assert cashier.deliver(forged) == ["applied"]
    report = reconcile_now(env)
    assert not report.success
    assert reasons(report, bought.id) == {(bought.intent, "credited here, pending at Stripe")}


def test_payment_intent_that_stripe_does_not_have_is_told(cashier: Cashier, env: Mapping[str, str]) -> None:
    transaction_id, _, _ = cashier.open()
    gone = f"pi_{uuid.uuid4().hex}"
    cashier.books.rows("select * from public.attach_payment_intent(%s, %s)", transaction_id, gone)
    cashier.books.execute(
        "update credits.transactions set created_at = now() - interval '20 years' where id = %s",
        transaction_id,
    )
    report = reconcile_now(env, "6000d")
    assert reasons(report, transaction_id) == {(gone, "Stripe has no such PaymentIntent")}
    cashier.books.execute("update credits.transactions set created_at = now() where id = %s", transaction_id)
