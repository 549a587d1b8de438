"""Growth: webhook, balance and history as users and ledger entries become many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.crowd import ENTRIES, grow, some_users
from tests.bench.figures import Figure, at_most, milliseconds, per_second, ratio
from tests.bench.ground import UnprovedError
from tests.bench.load import Run, closed_loop
from tests.bench.servers import OURS, start_server
from tests.bench.wires import http_request, to_http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from service.sandbox.steps import Steps
    from tests.bench.ground import Ground
    from tests.bench.load import Wire

SMALLEST: Final = 1000
SIZES: Final = (SMALLEST, 100_000)
"""Users; the last size is what the number of entries asks for."""

ALL_ENTRIES: Final = 10_000_000

_VISITORS: Final = 1000
_CONNECTIONS: Final = 16

_COLUMNS: Final = "kind,amount,balance_after,description,created_at"

_PAGES: Final = {
    "balance": "credit_balance?select=balance,held,available,currency",
    "first history page": f"credit_ledger?select={_COLUMNS}&order=created_at.desc&limit=20",
}


@dataclass(frozen=True)
class Size:
    """What was measured at one size."""

    users: int
    pages: dict[str, float]
    """Seconds, the median."""
    webhooks: Run

    @property
    def name(self) -> str:
        """The number of entries in words, or of users where these are few."""
        return in_words(self.users if self.users == SMALLEST else self.users * ENTRIES)

    def figures(self) -> list[Figure]:
        """All of them."""
        at = f"at {in_words(self.users)} users and {in_words(self.users * ENTRIES)} entries"
        return [
            *(milliseconds(f"{page} {at}, p50", seconds) for page, seconds in self.pages.items()),
            per_second(f"webhook, {_CONNECTIONS} connections {at}", self.webhooks.rate),
            milliseconds(f"webhook, {_CONNECTIONS} connections {at}, p50", self.webhooks.percentile(50)),
        ]


async def measure_growth(ground: Ground, steps: Steps, entries: int) -> list[Figure]:
    """Read and credit at each size on one database that grows; the ratio is the worse of the two pages."""
    sizes: list[Size] = []
    last = max(entries // ENTRIES, SMALLEST)
    with start_server(OURS, ground.settings, ground.logs / "growth.log", probe="/health/ready") as server:
        there = 0
        for users in sorted({*(size for size in SIZES if size < last), last}):
            with steps.step("Fill the database") as step:
                grow(ground.stack.supabase.admin_database_url, users - there)
                there = users
                step.detail = f"{in_words(users)} users, {in_words(users * ENTRIES)} ledger entries"
            sizes.append(await _measure(ground, to_http(server.url), users))
    ground.audit()
    first, largest = sizes[0], sizes[-1]
    worse = max(largest.pages[page] / first.pages[page] for page in _PAGES)
    name = f"balance and first history page, {largest.name} / {first.name}"
    return [ratio(name, worse, at_most(1.5)), *(figure for size in sizes for figure in size.figures())]


async def _measure(ground: Ground, service: Callable[[], Awaitable[Wire]], users: int) -> Size:
    visitors = some_users(ground.admin, _VISITORS)
    headers = [ground.as_user(ground.sign_in(user_id)) for user_id in visitors]
    # PostgREST verifies each token once; what is read here belongs to no user.
    await _read(ground, "credit_packages?select=id", headers)
    pages = {page: (await _read(ground, query, headers)).percentile(50) for page, query in _PAGES.items()}
    purchases = ground.open_purchases(int(2000 * ground.seconds), visitors)
    requests = [ground.webhooks.request(purchase) for purchase in purchases]
    run = await closed_loop(service, requests, _CONNECTIONS, ground.seconds)
    ground.prove(f"webhooks at {users:,} users", purchases, run)
    return Size(users, pages, run)


async def _read(ground: Ground, query: str, headers: Sequence[dict[str, str]]) -> Run:
    requests = [http_request("GET", f"/rest/v1/{query}", each) for each in headers]
    run = await closed_loop(to_http(ground.stack.supabase.url), requests, 1, 3600)
    if run.refused:
        raise UnprovedError(f"{query}: {run.refused.total()} were refused ({dict(run.refused)}).")
    return run


def in_words(count: int) -> str:
    """A round number as people say it: "1 thousand", "10 million"."""
    for size, word in ((1_000_000, "million"), (1000, "thousand")):
        if count >= size and count % size == 0:
            return f"{count // size} {word}"
    return f"{count:,}"
