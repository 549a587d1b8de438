"""What an operation works with: the account, the clockwork, and who asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from service.sandbox.simulator.events.record import record_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.delivery.dispatcher import Dispatcher
    from service.sandbox.simulator.later import Later
    from service.sandbox.simulator.objects import Object


@dataclass(frozen=True)
class Context:
    """The surroundings of an operation.

    Attributes:
        base_url: Where the caller reached the simulator, without a slash at the end.
        request_id: The request that caused it; None if it happened by itself.
        idempotency_key: The key of that request.
    """

    account: Account
    dispatcher: Dispatcher
    later: Later
    base_url: str
    request_id: str | None = None
    idempotency_key: str | None = None

    def emit(self, kind: str, changed: Object, previous_attributes: Object | None = None) -> None:
        """Record an event with the object as it is now, and send it to the endpoints that want it.

        Args:
            kind: The event's type.
            changed: The object.
            previous_attributes: For `….updated` events, the old values of what changed.
        """
        for _ in range(self.dispatcher.chaos.events_of_change()):
            event = record_event(
                kind,
                changed,
                previous_attributes=previous_attributes,
                livemode=self.account.livemode,
                request_id=self.request_id,
                idempotency_key=self.idempotency_key,
            )
            self.account.events.add(event.id, event)
            self.dispatcher.dispatch(self.account, event)

    def plan(self, transition: Callable[[Context], None]) -> None:
        """Let `transition` happen some time later, by itself."""
        alone = replace(self, request_id=None, idempotency_key=None)
        self.later.plan(lambda: transition(alone))


def copy_object(original: Object) -> Object:
    """A copy that shares nothing with the original."""
    copy: Object = msgspec.json.decode(msgspec.json.encode(original))
    return copy
