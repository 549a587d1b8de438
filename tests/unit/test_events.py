import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InvalidRequestError
from service.events import project_event

SUCCEEDED: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": 1_700_000_000,
    "type": "payment_intent.succeeded",
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": "req_1", "idempotency_key": "topup-1"},
    "data": {
        "object": {
            "id": "pi_1",
            "object": "payment_intent",
            "amount": 1500,
            "amount_received": 1500,
            "client_secret": "pi_1_secret_abc",
            "currency": "usd",
            "customer": "cus_1",
            "metadata": {"transaction_id": "t-1", "user_id": "u-1", "other": "of another app"},
            "receipt_email": "buyer@example.com",
            "status": "succeeded",
            "last_payment_error": None,
            "cancellation_reason": None,
            "livemode": False,
            "created": 1_699_999_999,
        }
    },
}


def project(event: object) -> dict[str, Any]:
    return project_event(json.dumps(event).encode())


def with_object(**changes: Any) -> dict[str, Any]:
    return {**SUCCEEDED, "data": {"object": {**SUCCEEDED["data"]["object"], **changes}}}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SUCCEEDED.items() if name not in names}


def test_the_projection_is_what_settlement_reads_and_nothing_else() -> None:
    assert project(SUCCEEDED) == {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "created": 1_700_000_000,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "object": {
            "id": "pi_1",
            "object": "payment_intent",
            "amount": 1500,
            "amount_received": 1500,
            "currency": "usd",
            "customer": "cus_1",
            "metadata": {"transaction_id": "t-1", "user_id": "u-1"},
            "status": "succeeded",
            "livemode": False,
            "created": 1_699_999_999,
        },
    }


def test_zero_and_false_are_kept_though_null_is_not() -> None:
    projected = project(with_object(amount_received=0, currency=None))
    assert projected["object"]["amount_received"] == 0
    assert projected["object"]["livemode"] is False
    assert "currency" not in projected["object"]


def test_the_reason_of_a_failed_payment_is_kept() -> None:
    error = {"code": "card_declined", "decline_code": "lost_card", "message": "Declined.", "charge": "ch_1"}
    projected = project(with_object(status="requires_payment_method", last_payment_error=error))
    assert projected["object"]["last_payment_error"] == {
        "code": "card_declined",
        "decline_code": "lost_card",
        "message": "Declined.",
    }


@pytest.mark.parametrize(
    ("event_type", "fields"),
    [
        ("charge.refunded", {"object": "charge", "payment_intent": "pi_1", "amount_refunded": 500}),
        ("refund.updated", {"object": "refund", "charge": "ch_1", "failure_reason": "lost_or_stolen_card"}),
        ("charge.dispute.funds_withdrawn", {"object": "dispute", "charge": "ch_1", "reason": "fraudulent"}),
    ],
)
def test_refunds_and_disputes_keep_what_ties_them_to_a_payment(
    event_type: str, fields: dict[str, Any]
) -> None:
    projected = project({**SUCCEEDED, "type": event_type, "data": {"object": {"id": "x_1", **fields}}})
    assert projected["object"] == {"id": "x_1", **fields}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "1500"},
        {"amount": 1500.0},
        {"amount": 15.5},
        {"amount": True},
        {"amount": -1},
        {"amount": 2**63},
        {"amount": 1e300},
        {"amount": [1500]},
        {"currency": 1},
        {"customer": {"id": "cus_1"}},
        {"metadata": []},
        {"metadata": {"transaction_id": 1}},
        {"livemode": "false"},
        {"created": "today"},
        {"created": 10**15},
        {"status": "x" * 6000},
        {"currency": "us\0d"},
        {"metadata": {"transaction_id": "\0"}},
        {"id": None},
        {"id": ""},
    ],
)
def test_a_field_of_a_surprising_type_or_size_is_kept_for_a_person(changes: dict[str, Any]) -> None:
    projected = project(with_object(**changes))
    assert projected.pop("malformed")
    assert projected == {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "created": 1_700_000_000,
        "livemode": False,
    }


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (without("data"), {"created", "livemode"}),
        (without("created", "livemode"), set()),
        ({**SUCCEEDED, "created": "2026-01-01T00:00:00Z"}, {"livemode"}),
        ({**SUCCEEDED, "created": 10**20}, {"livemode"}),
        ({**SUCCEEDED, "livemode": 1}, {"created"}),
        ({**SUCCEEDED, "data": {"object": "pi_1"}}, {"created", "livemode"}),
        ({**SUCCEEDED, "data": [{"object": {}}]}, {"created", "livemode"}),
    ],
)
def test_a_malformed_event_keeps_what_is_sound(event: dict[str, Any], kept: set[str]) -> None:
    assert project(event).keys() == {"id", "type", "malformed"} | kept


def test_events_of_no_concern_keep_only_what_they_are_about() -> None:
    event = {**SUCCEEDED, "type": "invoice.paid", "data": {"object": {"id": "in_1", "object": "invoice"}}}
    event["data"]["object"]["amount"] = {"of": "another shape"}
    assert project(event)["object"] == {"id": "in_1", "object": "invoice"}
    event["data"]["object"] = {"object": "balance"}
    assert project(event)["object"] == {"object": "balance"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"evt_1"',
        b'{"id":"evt_1"}',
        b'{"type":"payment_intent.succeeded"}',
        b'{"id":1,"type":"payment_intent.succeeded"}',
        b'{"id":"","type":"payment_intent.succeeded"}',
        b'{"id":"\\u0000","type":"payment_intent.succeeded"}',
        b'{"id":"' + b"x" * 256 + b'","type":"payment_intent.succeeded"}',
        b'{"id":"evt_1","type":"payment_intent.succeeded"',
        b'{"id":"\xff","type":"payment_intent.succeeded"}',
        b'{"id":"evt_1","type":"x","data":' + b"[" * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        project_event(body)
    assert caught.value.code == "not_an_event"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
object_fields = st.sampled_from(sorted({*SUCCEEDED["data"]["object"], "charge", "reason", "amount_refunded"}))


@pytest.mark.slow
@given(
    event=st.dictionaries(st.sampled_from(sorted(SUCCEEDED)), json_values, max_size=4),
    fields=st.dictionaries(object_fields, json_values, max_size=4),
)
@settings(max_examples=1000)
def test_any_signed_json_is_projected_or_refused_and_fits_the_database(
    event: dict[str, Any], fields: dict[str, Any]
) -> None:
    try:
        projected = project({**with_object(**fields), **event})
    except InvalidRequestError:
        return
    encoded = msgspec.json.encode(projected)
    assert b"\\u0000" not in encoded.replace(b"\\\\", b""), "Postgres takes no NUL"
    assert {type(projected["id"]), type(projected["type"])} == {str}
    assert type(projected.get("created", 0)) is int
    assert type(projected.get("livemode", False)) is bool
    for amount in ("amount", "amount_received", "amount_refunded"):
        assert type(projected.get("object", {}).get(amount, 0)) is int
