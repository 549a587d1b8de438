from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from service.errors import FailedError, NotFoundError, TopupError, UnavailableError
from service.event_types import HANDLED_EVENT_TYPES
from service.operate.audit import MEANING
from service.operate.durations import parse_duration
from service.operate.explanation import Account, Entry, Event, Explanation, Purchase
from service.operate.money import show_amount, show_credits
from service.operate.session import describe
from service.operate.timeline import tell_purchase, tell_rest
from service.operate.words import tell, tell_outcome
from service.sandbox.node import PROJECT

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
PURCHASE = UUID("11111111-1111-4111-8111-111111111111")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        (" 24h ", timedelta(days=1)),
        ("3d", timedelta(days=3)),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "3", "d", "-3d", "0s", "3 d", "3w", "1.5h", "9999999d", "٣d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 45s, 90m, 24h or 3d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(500, "usd", "5.00 usd"), (5, "eur", "0.05 eur"), (500, "jpy", "500 jpy"), (1500, "kwd", "1.500 kwd")],
)
def test_amounts_have_the_places_of_their_currency(amount: int, currency: str, shown: str) -> None:
    assert show_amount(amount, currency) == shown


@pytest.mark.parametrize(
    ("credit", "shown"),
    [("15.000000", "+15.00"), ("-1.500000", "−1.50"), ("0.333333", "+0.333333"), ("1000", "+1000.00")],  # noqa: RUF001 - a true minus
)
def test_credits_have_two_decimals_and_more_only_if_they_count(credit: str, shown: str) -> None:
    assert show_credits(Decimal(credit), signed=True) == shown
    assert show_credits(abs(Decimal(credit))) == shown[1:]


def event(event_type: str, **fields: Any) -> Event:
    found: dict[str, Any] = {
        "id": fields.pop("id", f"evt_{event_type}"),
        "outcome": fields.pop("outcome", "applied"),
        "reason": fields.pop("why", None),
        "attempts": fields.pop("attempts", 1),
        "created_at": fields.pop("created_at", NOON),
        "received_at": fields.pop("received_at", NOON),
    }
    payload = {"object": {"amount": 500, "currency": "usd", **fields}}
    return Event(type=event_type, transaction_id=PURCHASE, payload=payload, **found)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (event("payment_intent.created"), "payment of 5.00 usd created"),
        (
            event("payment_intent.payment_failed", last_payment_error={"message": "Your card was declined."}),
            "payment of 5.00 usd failed: Your card was declined.",
        ),
        (event("payment_intent.payment_failed"), "payment of 5.00 usd failed"),
        (
            event("payment_intent.canceled", cancellation_reason="abandoned"),
            "payment of 5.00 usd canceled (abandoned)",
        ),
        (event("refund.updated", status="succeeded"), "refund of 5.00 usd succeeded"),
        (
            event("refund.failed", status="failed", failure_reason="lost_or_stolen_card"),
            "refund of 5.00 usd failed: lost_or_stolen_card",
        ),
        (event("refund.created"), "refund of 5.00 usd is on its way"),
        (event("charge.refunded", amount_refunded=150), "1.50 usd of the charge refunded so far"),
        (
            event("charge.dispute.created", status="warning_needs_response", reason="fraudulent"),
            "the buyer's bank asks about 5.00 usd: fraudulent",
        ),
        (
            event("charge.dispute.created", status="needs_response"),
            "the buyer disputes 5.00 usd",
        ),
        (
            event("charge.dispute.updated", status="under_review"),
            "dispute of 5.00 usd is now under review",
        ),
        (event("charge.dispute.closed", status="lost"), "dispute of 5.00 usd lost"),
        (event("charge.dispute.closed", status="prevented"), "dispute of 5.00 usd closed"),
        (event("refund.created", amount="5"), "refund of an unknown amount is on its way"),
        (event("customer.created"), "customer.created"),
    ],
)
def test_events_are_told_in_plain_words(told: Event, words: str) -> None:
    assert tell(told) == words


def test_every_handled_event_has_words_of_its_own() -> None:
    assert all(tell(event(event_type)) != event_type for event_type in HANDLED_EVENT_TYPES)


def test_malformed_event_can_be_told() -> None:
    malformed = event("payment_intent.succeeded", outcome="mismatch", why="malformed")
    malformed.payload = {"malformed": "amount is no number"}
    assert tell(malformed) == "payment of an unknown amount succeeded"
    assert tell_outcome(malformed) == "NOT TAKEN OVER: its fields are not what Stripe documents"


def entry(number: int, amount: int, balance: int, key: str) -> Entry:
    kind = "grant" if key.startswith("grant") else key.rpartition(":")[2]
    purchase = None if key.startswith("grant") else PURCHASE
    return Entry(
        number, kind, Decimal(amount), Decimal(balance), purchase, f"The {key.rpartition(':')[2]}", key, NOON
    )


def explanation(events: list[Event], entries: list[Entry]) -> Explanation:
    purchase = Purchase(
        id=PURCHASE,
        description="Small purchase",
        amount_minor=500,
        currency="usd",
        credits=Decimal(5),
        status="succeeded",
        stripe_payment_intent_id="pi_1",
        failure_code=None,
        failure_message=None,
        refunded_minor=0,
        disputed_minor=0,
        credits_purchased=Decimal(5),
        credits_refunded=Decimal(1),
        credits_disputed=Decimal(0),
        created_at=NOON - timedelta(minutes=5),
    )
    account = Account(PURCHASE, PURCHASE, Decimal(4), Decimal(0), "infinity")
    return Explanation(account, [purchase], [], [], events, entries, [], [])


def test_story_tells_each_event_with_what_it_moved() -> None:
    paid = event("payment_intent.succeeded", received_at=NOON + timedelta(hours=2))
    refunded = event("refund.created", status="succeeded", received_at=NOON + timedelta(minutes=1))
    again = event("refund.updated", status="succeeded", received_at=NOON + timedelta(minutes=2))
    told = explanation(
        [refunded, again, paid],
        [
            entry(1, 5, 5, f"{paid.id}:purchase"),
            entry(2, -1, 4, f"{paid.id}:refund"),
            entry(3, 7, 11, "grant:welcome"),
        ],
    )
    assert told.purchases[0].worth == 4
    assert [
        (moment.what, moment.credits, moment.balance) for moment in tell_purchase(told, told.purchases[0])
    ] == [
        ("purchase opened", "", ""),
        ("refund of 5.00 usd succeeded", "", ""),
        ("refund of 5.00 usd succeeded (happened 2026-11-26 12:00:00, arrived late)", "", ""),
        ("payment of 5.00 usd succeeded (happened 2026-11-26 12:00:00, arrived late)", "+5.00", "5.00"),
        ("The refund (told earlier)", "−1.00", "4.00"),  # noqa: RUF001 - a true minus
    ]
    assert [(moment.what, moment.credits) for moment in tell_rest(told)] == [("given: The welcome", "+7.00")]


def test_story_marks_what_is_told_again_and_what_was_found_or_refused() -> None:
    told = explanation(
        [
            event("refund.created", id="evt_1", status="succeeded"),
            event("refund.updated", id="evt_2", status="succeeded"),
            event("payment_intent.succeeded", id="reconcile:pi_1:succeeded", attempts=2),
            event("payment_intent.succeeded", id="z", outcome="mismatch", why="amount"),
        ],
        [],
    )
    assert [moment.what for moment in tell_purchase(told, told.purchases[0])][1:] == [
        "refund of 5.00 usd succeeded",
        "refund of 5.00 usd succeeded (told again)",
        "payment of 5.00 usd succeeded (found by reconciliation; attempt 2)",
        "payment of 5.00 usd succeeded (NOT TAKEN OVER: its amount is not the purchase's)",
    ]


def test_every_finding_of_the_audit_has_words_of_its_own() -> None:
    found = re.findall(
        r"^  select '(\w+)'", (PROJECT / "sql" / "56_audit_credits.sql").read_text(), re.MULTILINE
    )
    assert len(found) > 10
    assert set(found) == MEANING.keys()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnavailableError("supabase_unreachable"), "Supabase does not answer (supabase_unreachable)"),
        (UnavailableError("stripe_unavailable"), "Stripe does not answer (stripe_unavailable)"),
        (FailedError("postgrest_401_None"), "Supabase refuses the request (postgrest_401_None)"),
        (UnavailableError("postgrest_500_57014"), "Run it with psql."),
        (FailedError("stripe_PermissionError"), "read access to Events, PaymentIntents"),
        (NotFoundError("There is no such purchase", "transaction_not_found"), "There is no such purchase."),
    ],
)
def test_errors_are_told_in_words(error: TopupError, words: str) -> None:
    assert words in describe(error)
