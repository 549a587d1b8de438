"""Spends straight in Postgres, beside the least that a spend can be: one update and one insert.

The bare statement works on tables of the same shape, with the same columns, indexes and checks. It has no
arguments to check, no lots to draw from, no key to look up: a second call with the same key is an error.
"""

from __future__ import annotations

import json
import uuid
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from tests.bench.figures import Figure, at_least, milliseconds, per_second, ratio
from tests.bench.ground import UnprovedError
from tests.bench.load import Run, closed_loop
from tests.bench.wires import postgres_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.ground import Ground

CONNECTIONS: Final = (1, 8, 32)
ROUNDS: Final = 2
_MOST_PER_SECOND: Final = 12_000
_WARM_UP: Final = 0.1
"""Seconds for each connection: a new one compiles the functions, which those of a pool have long done."""

_GRANTED: Final = 1_000_000

_OURS: Final = """
select s.balance from json_to_record($1::json) as call (user_id uuid, key text)
cross join lateral public.spend_credits(call.user_id, 1, call.key, 'A picture') as s
"""

_BARE: Final = """
with call as (select * from json_to_record($1::json) as call (user_id uuid, key text)), account as (
  update bare.accounts as a
  set
    balance = a.balance - 1,
    last_entry_at = greatest(clock_timestamp(), a.last_entry_at + interval '1 microsecond')
  from call
  where a.user_id = call.user_id and a.balance - a.held >= 1
  returning a.user_id, a.balance, a.last_entry_at, call.key
)
insert into bare.ledger_entries (user_id, kind, amount, balance_after, lots, description, key, created_at)
select user_id, 'spend', -1, balance, '{}', 'A picture', 'spend:' || key, last_entry_at from account
returning balance_after
"""

_PREPARE: Final = """
select count(*) from unnest(%(users)s::uuid[]) as id
cross join lateral public.grant_credits(id, %(granted)s, 'For the benchmark', 'bench') as g;
"""

_COPY: Final = """
create schema bare;
create table bare.accounts (like credits.accounts including all);
create table bare.ledger_entries (like credits.ledger_entries including all);
insert into bare.accounts (user_id, auth_user_id, balance)
select user_id, auth_user_id, balance from credits.accounts;
grant usage on schema bare to service_role;
grant select, insert, update on all tables in schema bare to service_role;
grant usage on schema credits to service_role;
grant execute on function credits.fits_kind to service_role;
"""


async def measure_spends(ground: Ground, connections: Sequence[int] = CONNECTIONS) -> list[Figure]:
    """Spends a second from one account and from many, ours and bare in turn, and their ratio."""
    ground.admin.execute(_PREPARE, {"users": ground.users, "granted": _GRANTED})
    ground.admin.execute(_COPY)
    ground.admin.execute(
        "vacuum analyze bare.accounts, credits.accounts, credits.lots, credits.ledger_entries"
    )
    accounts = {"one hot account": ground.users[:1], f"{len(ground.users):,} accounts": ground.users}
    ratios, values = [], []
    for where, users in accounts.items():
        for count in connections:
            ours, bare = Run(), Run()
            for _ in range(ROUNDS):
                ours += await _spend(ground, _OURS, "credits", users, count)
                bare += await _spend(ground, _BARE, "bare", users, count)
            name = f"spend, {where}, {count} connection{'s' if count > 1 else ''}: "
            name_of_ratio = f"{name}ours / a bare update and insert"
            ratios.append(ratio(name_of_ratio, ours.rate / bare.rate, at_least(0.6)))
            values += [
                per_second(f"{name}ours", ours.rate),
                milliseconds(f"{name}ours, p99", ours.percentile(99)),
                per_second(f"{name}a bare update and insert", bare.rate),
            ]
    ground.audit()
    return [*ratios, *values]


async def _spend(ground: Ground, statement: str, schema: str, users: Sequence[str], connections: int) -> Run:
    seconds = ground.seconds / ROUNDS / 2
    warm_up = _WARM_UP * connections
    count = int(_MOST_PER_SECOND * (seconds + warm_up))
    requests = [
        postgres_request(json.dumps({"user_id": user_id, "key": str(uuid.uuid4())}).encode())
        for user_id in islice(cycle(users), count)
    ]
    before = _spent(ground, schema)
    run = await closed_loop(ground.to_database(statement), requests, connections, seconds, warm_up)
    spent = _spent(ground, schema) - before
    if run.refused or spent != run.accepted:
        raise UnprovedError(f"{schema}: {run.accepted} accepted, {dict(run.refused)} refused, {spent} spent.")
    return run


def _spent(ground: Ground, schema: str) -> int:
    query = f"select count(*) from {schema}.ledger_entries where kind = 'spend' and amount = -1"  # noqa: S608 - ours
    (count,) = ground.admin.execute(query.encode()).fetchone() or (0,)
    return int(count)
