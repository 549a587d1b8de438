"""What a purchase leaves behind: write-ahead log for its credit, and the room that it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.contenders import LIMIT_STATEMENT, Limit, Ours
from tests.bench.figures import Figure
from tests.bench.load import closed_loop
from tests.bench.purchases import make_users
from tests.bench.servers import OURS, start_server
from tests.bench.wires import to_http

if TYPE_CHECKING:
    from tests.bench.contenders import Contender
    from tests.bench.ground import Ground

_PURCHASES: Final = 5000
_USERS: Final = 20_000

_ROOM: Final = (
    "select sum(pg_total_relation_size(oid))::bigint from pg_class "
    "where relnamespace = 'credits'::regnamespace and relkind = 'r'"
)


async def measure_storage(ground: Ground) -> list[Figure]:
    """Log for each credit, with shared calls and with single ones; room of a user and of a purchase."""
    room = _value(ground, _ROOM)
    make_users(ground.admin, _USERS)
    of_user = (_value(ground, _ROOM) - room) / _USERS
    limit = Limit(ground, ground.to_database(LIMIT_STATEMENT))
    await _log_of(ground, limit, 8)  # the first change of a page after a checkpoint logs the whole page
    room = _value(ground, _ROOM)
    with start_server(OURS, ground.settings, ground.logs / "storage.log", probe="/health/ready") as server:
        shared = await _log_of(ground, Ours(ground, to_http(server.url)), 64)
    of_purchase = (_value(ground, _ROOM) - room) / _PURCHASES
    single = await _log_of(ground, limit, 8)
    ground.audit()
    return [
        Figure("write-ahead log for one credit, 64 webhooks at once", shared / 1000, "kB"),
        Figure("write-ahead log for one credit, one call each", single / 1000, "kB"),
        Figure("room of a purchase with its event, ledger entry and indexes", of_purchase / 1000, "kB"),
        Figure("room of a user's account with its indexes", of_user / 1000, "kB"),
    ]


async def _log_of(ground: Ground, contender: Contender, connections: int) -> float:
    """Bytes for each purchase. Its pages were changed just before: none is logged as a whole page again."""
    purchases = ground.open_purchases(_PURCHASES)
    requests = [contender.request(purchase) for purchase in purchases]
    written = _written(ground)
    run = await closed_loop(contender.connect, requests, connections, 600)
    ground.prove(f"log of {contender.name}", purchases, run)
    return (_written(ground) - written) / run.accepted


def _written(ground: Ground) -> int:
    return _value(ground, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")


def _value(ground: Ground, query: str) -> int:
    (value,) = ground.admin.execute(query.encode()).fetchone() or (0,)
    return int(value)
