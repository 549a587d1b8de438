"""One event, kept as the JSON that it was at the time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import stripe

from service.sandbox.simulator.ids import new_id

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

API_VERSION = str(stripe.api_version)


@dataclass
class EventRecord:
    """An event and how far its delivery is.

    Attributes:
        body: The event's JSON with a snapshot of the object, without `pending_webhooks`.
        pending_webhooks: How many endpoints have not confirmed it yet.
        undelivered: Whether an endpoint never will (given up, dropped).
    """

    id: str
    type: str
    created: int
    body: bytes
    pending_webhooks: int = 0
    undelivered: bool = False

    @property
    def delivered(self) -> bool:
        """Whether every endpoint that wanted it has confirmed it."""
        return self.pending_webhooks == 0 and not self.undelivered

    def render(self) -> Object:
        """The event as the API answers it."""
        event: Object = msgspec.json.decode(self.body)
        event["pending_webhooks"] = self.pending_webhooks
        return event

    def payload(self) -> bytes:
        """The event as webhooks carry it: indented JSON, the bytes that are signed."""
        return pretty(self.render())


def record_event(  # noqa: PLR0913 - the parts of an event
    kind: str,
    snapshot: Object,
    *,
    previous_attributes: Object | None,
    livemode: bool,
    request_id: str | None,
    idempotency_key: str | None,
) -> EventRecord:
    """Take the object's state of this moment into a new event of the type `kind`."""
    data: Object = {"object": snapshot}
    if previous_attributes is not None:
        data["previous_attributes"] = previous_attributes
    event: Object = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 0,
        "request": {"id": request_id, "idempotency_key": idempotency_key},
        "type": kind,
    }
    return EventRecord(event["id"], kind, event["created"], msgspec.json.encode(event))


def pretty(value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """JSON as Stripe prints it, two spaces deep."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
