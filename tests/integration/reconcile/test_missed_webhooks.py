"""What Stripe knows and no webhook brought."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from service.reconcile.report import State
from tests.integration.reconcile.cashier import change_of, reconcile_now
from tests.integration.service.shop import MEDIUM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.reconcile.cashier import Cashier
    from tests.integration.reconcile.turnstile import Turnstile
    from tests.integration.service.shop import StripeAccount

MANDATE = {
    "mandate_data[customer_acceptance][type]": "online",
    "mandate_data[customer_acceptance][online][ip_address]": "127.0.0.1",
    "mandate_data[customer_acceptance][online][user_agent]": "test",
}


def test_missed_webhook_is_found_by_reconciliation(cashier: Cashier, env: Mapping[str, str]) -> None:
    bought = cashier.buy()
    assert cashier.balance(bought) == 0

    report = reconcile_now(env)

    assert report.success
    assert cashier.balance(bought) == 5
    change = change_of(report, bought)
    assert change.was == State("pending", Decimal(0), Decimal(0), Decimal(0))
    assert change.now == State("succeeded", Decimal(5), Decimal(0), Decimal(0))
    assert (change.user_id, change.payment_intent) == (bought.user_id, bought.intent)
    assert "payment_intent.succeeded" in {sent.type for sent in change.sent}
    assert cashier.books.entries(bought.user_id) == [("purchase", 5)]


def test_webhook_that_comes_after_all_changes_nothing(
    cashier: Cashier, account: StripeAccount, env: Mapping[str, str]
) -> None:
    bought = cashier.buy()
    reconcile_now(env)
    events = account.events_about(bought.intent)
    late = [{**event, "object": event["data"]["object"]} for event in events]
    assert set(cashier.deliver(*late)) == {"duplicate"}
    assert cashier.books.entries(bought.user_id) == [("purchase", 5)]


def test_second_run_finds_and_sends_nothing(cashier: Cashier, env: Mapping[str, str]) -> None:
    bought = cashier.buy()
    cashier.refund(bought, 100)
    assert reconcile_now(env).missing_events > 0
    events = cashier.books.count_events()

    again = reconcile_now(env)

    assert (again.success, again.differences, again.outcomes, again.purchases) == (True, 0, {}, [])
    assert cashier.books.count_events() == events


def test_dry_run_tells_and_writes_nothing(cashier: Cashier, env: Mapping[str, str]) -> None:
    bought = cashier.buy()
    cashier.refund(bought, 100)
    events = cashier.books.count_events()

    report = reconcile_now(env, dry_run=True)

    assert report.dry_run
    assert report.missing_events >= 4
    change = change_of(report, bought)
    assert (change.was.status, change.now) == ("pending", None)
    assert {"payment_intent.succeeded", "refund.created"} <= {sent.type for sent in change.sent}
    assert report.outcomes == {}
    assert cashier.books.count_events() == events
    assert cashier.balance(bought) == 0
    assert reconcile_now(env).missing_events == report.missing_events


def test_objects_alone_tell_every_state_where_no_event_is_listed(
    cashier: Cashier, account: StripeAccount, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    simulator = account.simulator
    unpaid = cashier.order()
    declined = cashier.order()
    assert cashier.confirm(declined, "pm_card_chargeDeclined") == "card_declined"
    challenged = cashier.order()
    assert cashier.confirm(challenged, "pm_card_threeDSecureRequired") == "requires_action"
    debited = cashier.order()
    assert cashier.confirm(debited, "pm_usBankAccount_processing", **MANDATE) == "processing"
    canceled = cashier.order()
    account.post(f"payment_intents/{canceled.intent}/cancel")
    refunded, partly, given_back = cashier.buy(), cashier.buy(), cashier.buy()
    cashier.refund(refunded, 500)
    cashier.refund(partly, 150)
    simulator.move_refund(cashier.refund(given_back, 500), "failed")
    disputed, lost, won, asked = (cashier.buy("pm_card_createDispute") for _ in range(4))
    asked = cashier.buy("pm_card_createDisputeInquiry")
    simulator.resolve_dispute(cashier.dispute_of(lost), "lose")
    simulator.resolve_dispute(cashier.dispute_of(won), "win")

    report = reconcile_now(env_behind)

    assert (report.success, report.missing_events) == (True, 0)
    expected = {
        unpaid: ("pending", 0),
        declined: ("failed", 0),
        challenged: ("requires_action", 0),
        debited: ("processing", 0),
        canceled: ("canceled", 0),
        refunded: ("refunded", 0),
        partly: ("partially_refunded", 3.5),
        given_back: ("succeeded", 5),
        disputed: ("disputed", 0),
        lost: ("disputed", 0),
        won: ("succeeded", 5),
        asked: ("succeeded", 5),
    }
    found = {bought: (cashier.status(bought), cashier.balance(bought)) for bought in expected}
    assert found == expected
    assert reconcile_now(env_behind).differences == 0

    # The real events come after all: nothing moves any more.
    entries = {bought: cashier.books.entries(bought.user_id) for bought in expected}
    turnstile.hidden = set()
    assert set(reconcile_now(env_behind).outcomes) == {"applied"}
    assert {bought: cashier.books.entries(bought.user_id) for bought in expected} == entries
    assert {bought: (cashier.status(bought), cashier.balance(bought)) for bought in expected} == expected
    assert reconcile_now(env_behind).differences == 0


def test_state_that_comes_back_is_told_again(
    cashier: Cashier, account: StripeAccount, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    bought = cashier.order()
    cashier.confirm(bought, "pm_card_chargeDeclined")
    reconcile_now(env_behind)
    assert cashier.status(bought) == "failed"
    # A webhook tells of the next attempt, and none of its failure.
    assert cashier.confirm(bought, "pm_card_threeDSecureRequired") == "requires_action"
    [challenge] = [e for e in account.events_about(bought.intent) if e["type"].endswith("requires_action")]
    later = {**challenge, "object": challenge["data"]["object"], "created": challenge["created"] + 3}
    assert cashier.deliver(later) == ["applied"]
    assert cashier.status(bought) == "requires_action"
    account.simulator.authenticate(bought.intent, "fail")

    def move_back() -> None:
        # As if the challenge had been a minute ago, so that no test has to wait.
        cashier.books.execute(
            "update credits.transactions set payment_state_at = payment_state_at - interval '1 minute' "
            "where id = %s",
            bought.id,
        )

    move_back()
    reconcile_now(env_behind)
    assert cashier.status(bought) == "failed"


def test_purchase_that_was_never_tied_to_its_payment_intent_is_credited(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events"}
    paid = cashier.buy(attached=False)
    waiting = cashier.order(attached=False, package=MEDIUM)
    cashier.refund(paid, 200)

    report = reconcile_now(env_behind)

    assert report.success
    assert (cashier.balance(paid), cashier.status(paid)) == (3, "partially_refunded")
    assert cashier.books.purchase(waiting.intent)["status"] == "pending"
    assert reconcile_now(env_behind).differences == 0


def test_purchase_older_than_all_lists_is_looked_up(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    turnstile.hidden = {"/v1/events", "/v1/payment_intents", "/v1/refunds", "/v1/disputes"}
    paid, unpaid = cashier.buy(), cashier.order()
    cashier.make_older(paid, 40)
    cashier.make_older(unpaid, 40)
    assert reconcile_now(env_behind, "3d").differences == 0

    report = reconcile_now(env_behind, "31d")

    assert cashier.balance(paid) == 5
    assert cashier.status(unpaid) == "pending"
    assert [change.transaction_id for change in report.purchases] == [paid.id]


def test_failed_event_is_taken_again(
    cashier: Cashier, account: StripeAccount, env: Mapping[str, str]
) -> None:
    bought = cashier.buy()
    reconcile_now(env)
    [event] = [e for e in account.events_about(bought.intent) if e["type"].endswith("succeeded")]
    cashier.books.execute(
        "update credits.stripe_events set outcome = 'failed', reason = 'made to' where id = %s", event["id"]
    )
    report = reconcile_now(env)
    assert (report.success, report.missing_events, report.outcomes) == (True, 1, {"applied": 1})
    assert cashier.books.event(event["id"]) == ("applied", None)
    assert cashier.books.entries(bought.user_id) == [("purchase", 5)]


def test_events_of_other_applications_are_of_no_concern(
    cashier: Cashier, account: StripeAccount, env: Mapping[str, str]
) -> None:
    params = {
        "amount": 700,
        "currency": "usd",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "return_url": "https://shop.example/paid",
    }
    foreign = account.post("payment_intents", **params)["id"]
    account.post("refunds", payment_intent=foreign, amount=100)
    events = cashier.books.count_events()

    report = reconcile_now(env)

    assert (report.success, report.purchases, report.differing_objects) == (True, [], 0)
    assert report.outcomes == {"ignored": report.missing_events}
    assert cashier.books.count_events() == events + report.missing_events
    assert reconcile_now(env).differences == 0
