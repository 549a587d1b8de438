"""The parts of a running simulator, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.activity import Activity
from service.sandbox.simulator.auth import Keyring
from service.sandbox.simulator.context import Context
from service.sandbox.simulator.delivery.dispatcher import Dispatcher
from service.sandbox.simulator.errors import no_such
from service.sandbox.simulator.faults import Faults
from service.sandbox.simulator.later import Later
from service.sandbox.simulator.operation import Operations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.collection import Collection
    from service.sandbox.simulator.events.record import EventRecord
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.options import Options


class Simulator:
    """One account of Stripe's, in memory. Made inside a running event loop, closed there too."""

    def __init__(self, secret_keys: Iterable[str], options: Options) -> None:
        self.activity = Activity()
        self.keyring = Keyring(secret_keys)
        self.dispatcher = Dispatcher(options, self.activity)
        self.later = Later(options.settle_after, self.activity)
        self.faults = Faults()
        self.operations = Operations(self.keyring, self.dispatcher, self.later, self.faults)

    async def close(self) -> None:
        """Stop everything that would still happen by itself."""
        self.later.cancel()
        await self.dispatcher.close()

    def locate(self, kind: str, plural: str, key: str, base_url: str = "") -> tuple[Context, Object]:
        """The object with this id in either mode, with the surroundings to act on it.

        Raises:
            StripeError: 404.
        """
        for account in self.keyring.accounts.values():
            collection: Collection[Object] = getattr(account, plural)
            found = collection.get(key)
            if found is not None:
                return Context(account, self.dispatcher, self.later, base_url), found
        raise no_such(kind, key, param="id", in_path=True)

    def locate_event(self, key: str) -> tuple[Account, EventRecord]:
        """The event with this id in either mode.

        Raises:
            StripeError: 404.
        """
        for account in self.keyring.accounts.values():
            event = account.events.get(key)
            if event is not None:
                return account, event
        raise no_such("event", key, param="id", in_path=True)
