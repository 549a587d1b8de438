"""One event on its way to one endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.events.record import EventRecord
    from service.sandbox.simulator.objects import Object

State = Literal["pending", "succeeded", "failed", "dropped", "canceled"]


@dataclass(frozen=True)
class Attempt:
    """One HTTP request: when (Unix time), the status or what went wrong, and how many seconds it took."""

    at: float
    status: int | None
    error: str | None
    seconds: float

    @property
    def succeeded(self) -> bool:
        """Stripe takes any 2xx for a confirmation, and nothing else."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the range of 2xx


@dataclass
class Delivery:
    """An event, an endpoint and the attempts so far.

    Attributes:
        state: "dropped" by chaos, "canceled" because the endpoint went away, "failed" after the last retry.
        counts: Whether the event waits for it; a copy and a redelivery change nothing for the event.
    """

    id: str
    account: Account
    event: EventRecord
    endpoint_id: str
    url: str
    payload: bytes
    counts: bool
    state: State = "pending"
    attempts: list[Attempt] = field(default_factory=list)

    def close(self, state: State) -> None:
        """Set the last state, and tell the event."""
        self.state = state
        if self.counts:
            self.event.pending_webhooks -= 1
            self.event.undelivered |= state != "succeeded"

    def render(self) -> Object:
        """The delivery as `GET /_simulator/deliveries` shows it."""
        return {
            "id": self.id,
            "event": self.event.id,
            "type": self.event.type,
            "endpoint": self.endpoint_id,
            "url": self.url,
            "state": self.state,
            "attempts": [
                {"at": a.at, "status": a.status, "error": a.error, "seconds": a.seconds}
                for a in self.attempts
            ],
        }
