"""Those that credit webhooks side by side: ours, two ways of doing without it, and the limit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from tests.bench.ground import UnprovedError
from tests.bench.load import Run, closed_loop
from tests.bench.purchases import CREDITS
from tests.bench.servers import ONE_CALL_EACH, OURS, PEER, TUTORIAL, Server, install_peer, start_server
from tests.bench.wires import to_http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tests.bench.ground import Ground
    from tests.bench.load import Wire
    from tests.bench.purchases import Purchase

LIMIT_CONNECTIONS: Final = 8
LIMIT_STATEMENT: Final = "select public.record_stripe_events($1)"
_WARM_UP: Final = 0.3
_SLOWEST_ANSWER: Final = 0.002
"""Seconds. No connection can use up its purchases faster than one answer in this time."""


@dataclass
class Contender(ABC):
    """One way from a webhook to credits."""

    ground: Ground
    connect: Callable[[], Awaitable[Wire]]

    name: ClassVar[str]
    most: ClassVar[int]
    """Purchases prepared for each second. A run that uses them up ends sooner, and counts no less."""

    async def run(self, connections: int, seconds: float) -> Run:
        """Credit purchases for so long, and prove it."""
        each_second = min(self.most, int(connections / _SLOWEST_ANSWER))
        purchases = self.ground.open_purchases(int(each_second * (seconds + _WARM_UP)) + connections)
        self.announce(purchases)
        requests = [self.request(purchase) for purchase in purchases]
        run = await closed_loop(self.connect, requests, connections, seconds, _WARM_UP)
        self.prove(f"{self.name}, {connections} connections", purchases, run)
        return run

    @abstractmethod
    def announce(self, purchases: Sequence[Purchase]) -> None:
        """Tell of purchases that are to be paid."""

    @abstractmethod
    def request(self, purchase: Purchase) -> bytes:
        """What tells that it is paid."""

    def prove(self, what: str, purchases: Sequence[Purchase], run: Run) -> None:
        """Raise `UnprovedError` unless what was accepted was credited, each once."""
        self.ground.prove(what, purchases, run)


class Ours(Contender):
    """The service: webhooks that come while a call is under way share the next one."""

    name = "ours"
    most = 5000

    def announce(self, purchases: Sequence[Purchase]) -> None:
        """They stand in the tables of Topup already."""

    def request(self, purchase: Purchase) -> bytes:
        """The signed webhook."""
        return self.ground.webhooks.request(purchase)


class OneCallEach(Ours):
    """The same service with one call to the database for each webhook."""

    name = "one RPC per event"
    most = 2000


class Tutorial(Ours):
    """The usual tutorial's webhook, in Node, with its own tables."""

    name = "the tutorial peer"
    most = 2000

    def announce(self, purchases: Sequence[Purchase]) -> None:
        """Write them into the tutorial's table as well."""
        columns = "id, user_id, credits, stripe_payment_intent_id"
        with self.ground.admin.cursor().copy(f"copy tutorial.transactions ({columns}) from stdin") as copy:
            for each in purchases:
                copy.write_row((each.transaction_id, each.user_id, CREDITS, each.payment_intent_id))

    def prove(self, what: str, purchases: Sequence[Purchase], run: Run) -> None:
        """The same for its tables: so many are marked, and the balances have grown by so much."""
        marked, balances = self.ground.admin.execute(
            "select (select count(*) from tutorial.transactions where status = 'succeeded'), "
            "(select coalesce(sum(balance), 0) from tutorial.balances)"
        ).fetchone() or (0, 0)
        self.ground.admin.execute("truncate tutorial.transactions, tutorial.balances")
        most = run.accepted + run.refused.total()
        if not run.accepted <= marked <= most or not run.accepted <= balances / CREDITS <= most:
            raise UnprovedError(
                f"{what}: {run.accepted} accepted of {len(purchases)}, {dict(run.refused)} refused; "
                f"{marked} marked, {balances} credits."
            )


class Limit(Ours):
    """Our own transaction, one event each, straight in Postgres: no service, no HTTP, no PostgREST."""

    name = "the limit in Postgres"
    most = 10_000

    def request(self, purchase: Purchase) -> bytes:
        """The projected event, as a prepared call."""
        return self.ground.database_call(purchase)


@contextmanager
def enter_contenders(ground: Ground) -> Iterator[tuple[Ours, OneCallEach, Tutorial, Limit]]:
    """Run all of them for the length of a `with` block; those that are not measured are idle."""
    install_peer()
    ground.admin.execute((TUTORIAL / "schema.sql").read_bytes())
    with ExitStack() as exits:

        def start(name: str, command: Sequence[str], probe: str) -> Callable[[], Awaitable[Wire]]:
            log = ground.logs / f"{name}.log"
            server: Server = exits.enter_context(start_server(command, ground.settings, log, probe=probe))
            return to_http(server.url)

        yield (
            Ours(ground, start("ours", OURS, "/health/ready")),
            OneCallEach(ground, start("one-call-each", ONE_CALL_EACH, "/health/ready")),
            Tutorial(ground, start("tutorial", PEER, "")),
            Limit(ground, ground.to_database(LIMIT_STATEMENT)),
        )
