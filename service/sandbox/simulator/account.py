"""Everything that one account holds in one mode, test or live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.sandbox.simulator.collection import Collection
from service.sandbox.simulator.idempotency import IdempotencyKeys

if TYPE_CHECKING:
    from service.sandbox.simulator.events.record import EventRecord
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.payment_methods.instruments import Instrument
    from service.sandbox.simulator.webhook_endpoints.secrets import SigningSecrets


@dataclass
class Account:
    """The objects of one mode.

    Attributes:
        deleted_customers: What is left of a deleted customer: its id and `deleted`.
        return_urls: Where the customers of PaymentIntents go that wait for authentication.
        authenticated: PaymentIntents whose customer has passed, and that the server must confirm once more.
        instruments: What stands behind a PaymentMethod and is never shown, by its id.
        signing_secrets: The secrets of a webhook endpoint, by its id.
    """

    livemode: bool
    customers: Collection[Object] = field(default_factory=Collection)
    payment_methods: Collection[Object] = field(default_factory=Collection)
    payment_intents: Collection[Object] = field(default_factory=Collection)
    charges: Collection[Object] = field(default_factory=Collection)
    refunds: Collection[Object] = field(default_factory=Collection)
    disputes: Collection[Object] = field(default_factory=Collection)
    balance_transactions: Collection[Object] = field(default_factory=Collection)
    webhook_endpoints: Collection[Object] = field(default_factory=Collection)
    events: Collection[EventRecord] = field(default_factory=Collection)
    deleted_customers: dict[str, Object] = field(default_factory=dict)
    return_urls: dict[str, str | None] = field(default_factory=dict)
    authenticated: set[str] = field(default_factory=set)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    signing_secrets: dict[str, SigningSecrets] = field(default_factory=dict)
    idempotency: IdempotencyKeys = field(default_factory=IdempotencyKeys)

    @property
    def mode(self) -> str:
        """The word for it: "test" or "live"."""
        return "live" if self.livemode else "test"

    def find(self, key: str) -> Object | None:
        """The object with this id, whatever its kind: how an id is expanded."""
        collection = self._collections().get(key.split("_", 1)[0])
        return None if collection is None else collection.get(key)

    def _collections(self) -> dict[str, Collection[Object]]:
        return {
            "cus": self.customers,
            "pm": self.payment_methods,
            "pi": self.payment_intents,
            "ch": self.charges,
            "py": self.charges,
            "re": self.refunds,
            "pyr": self.refunds,
            "du": self.disputes,
            "txn": self.balance_transactions,
        }
