"""What is kept of a Stripe event: the few fields that settlement reads, and nothing else of its payload."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from service.errors import InvalidRequestError

PROJECTED: Final = ("payment_intent.", "charge.", "refund.")
"""The families of event types whose objects settlement reads; of other objects only id and kind are kept."""

_Text = Annotated[str, Meta(max_length=5000)]
_Id = Annotated[str, Meta(min_length=1, max_length=255)]
_Amount = Annotated[int, Meta(ge=0, le=2**53)]
_UnixTime = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # the end of the year 9999, well within Postgres


class _Metadata(Struct, omit_defaults=True):
    transaction_id: _Text | None = None
    user_id: _Text | None = None


class _PaymentError(Struct, omit_defaults=True):
    code: _Text | None = None
    decline_code: _Text | None = None
    message: _Text | None = None


class _Object(Struct, omit_defaults=True):
    """A PaymentIntent, Charge, Refund or Dispute; each has some of these. Amounts are in minor units."""

    id: _Id
    object: _Id
    amount: _Amount | None = None
    amount_received: _Amount | None = None
    amount_refunded: _Amount | None = None
    currency: _Text | None = None
    status: _Text | None = None
    livemode: bool | None = None
    metadata: _Metadata | None = None
    customer: _Text | None = None
    payment_intent: _Text | None = None
    charge: _Text | None = None
    reason: _Text | None = None
    failure_reason: _Text | None = None
    cancellation_reason: _Text | None = None
    created: _UnixTime | None = None
    last_payment_error: _PaymentError | None = None


class _Data(Struct):
    object: msgspec.Raw


class _Event(Struct):
    id: _Id
    type: _Id
    created: _UnixTime
    livemode: bool
    data: _Data
    api_version: _Text | None = None


def project_event(body: bytes) -> dict[str, Any]:
    """The projection of a verified webhook's body, as `record_stripe_events` takes it.

    {id, type, created, livemode, api_version, object: {…}}, without the fields that are absent or null. A
    field of an unexpected type or size does not lose the event: it is then {id, type, malformed: why}, with
    created and livemode where these are sound, and the database keeps it for a person to look at.
    `InvalidRequestError` if the body is no JSON object with an id and a type.
    """
    try:
        event = msgspec.json.decode(body, type=_Event)
        projected = {
            "id": event.id,
            "type": event.type,
            "created": event.created,
            "livemode": event.livemode,
            "object": _project_object(event),
        }
        if event.api_version is not None:
            projected["api_version"] = event.api_version
    except (ValueError, RecursionError) as error:
        return _malformed(body, str(error))
    # Postgres stores no NUL in text or jsonb.
    return _malformed(body, "a NUL character") if b"\\u0000" in body and _has_nul(projected) else projected


def _project_object(event: _Event) -> dict[str, Any]:
    if event.type.startswith(PROJECTED):
        found: dict[str, Any] = msgspec.to_builtins(msgspec.json.decode(event.data.object, type=_Object))
        return found
    other = msgspec.json.decode(event.data.object, type=dict[str, msgspec.Raw])
    return {key: msgspec.json.decode(other[key], type=_Id) for key in ("id", "object") if key in other}


def _malformed(body: bytes, why: str) -> dict[str, Any]:
    try:
        event = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        kept: dict[str, Any] = {key: msgspec.json.decode(event[key], type=_Id) for key in ("id", "type")}
    except (ValueError, KeyError, RecursionError):
        raise InvalidRequestError("The body is not a Stripe event", "not_an_event") from None
    if _has_nul(kept):
        raise InvalidRequestError("The body is not a Stripe event", "not_an_event")
    for key, kind in (("created", _UnixTime), ("livemode", bool)):
        try:
            kept[key] = msgspec.json.decode(event[key], type=kind)
        except (ValueError, KeyError):
            continue
    return {**kept, "malformed": why}


def _has_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(item) for item in value.values())
    return isinstance(value, str) and "\0" in value
