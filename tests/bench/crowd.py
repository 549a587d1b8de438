"""A database that has grown: users with a purchase each and a history behind it, written in bulk.

Constraints, foreign keys and triggers stay in place, and the audit holds: what is read later is what the
functions would have written, only sooner.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import psycopg

from tests.bench.purchases import CREDITS, PACKAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRIES: Final = 10
"""Ledger entries of a user: one purchase, then a spend of one credit on each of nine days."""

_BATCH: Final = 5000
"""Users written in one transaction."""

_FILL: Final = """
with person as (
  insert into auth.users (id, email)
  select id, id || '@example.test'
  from (select gen_random_uuid() as id from generate_series(1, %(users)s)) as new
  returning id
), account as (
  insert into credits.accounts (user_id, auth_user_id, balance, last_entry_at)
  select id, id, %(credits)s - %(entries)s + 1, now() - interval '1 day' from person
), purchase as (
  insert into credits.transactions (
    user_id, package_id, description, amount_minor, currency, credits, livemode, stripe_payment_intent_id,
    payment_state, payment_state_at, credits_purchased
  )
  select person.id, p.id, p.name || ' purchase', p.amount_minor, p.currency, p.credits, false,
    'pi_' || replace(gen_random_uuid()::text, '-', ''), 'succeeded', now(), p.credits
  from person cross join credits.packages as p
  where p.id = %(package)s
  returning id, user_id, description
), bought as (
  insert into credits.ledger_entries (
    user_id, kind, amount, balance_after, transaction_id, description, key, created_at
  )
  select user_id, 'purchase', %(credits)s, %(credits)s, id, description, 'evt_' || id || ':purchase',
    now() - %(entries)s * interval '1 day'
  from purchase
  returning user_id, id, transaction_id
), lot as (
  insert into credits.lots (user_id, id, transaction_id, remaining)
  select user_id, id, transaction_id, %(credits)s - %(entries)s + 1 from bought
)
insert into credits.ledger_entries (
  user_id, kind, amount, balance_after, lots, description, key, created_at
)
select user_id, 'spend', -1, %(credits)s - n, jsonb_build_object(id, -1), 'A day of use', 'spend:' || n,
  now() - (%(entries)s - n) * interval '1 day'
from bought cross join generate_series(1, %(entries)s - 1) as n
order by 1, n
"""


def grow(url: str, users: int) -> None:
    """Add so many users, each with ENTRIES ledger entries, on two connections; tell the planner of them."""
    values = {"entries": ENTRIES, "credits": CREDITS, "package": PACKAGE}
    batches = [min(_BATCH, users - done) for done in range(0, users, _BATCH)]

    def fill(counts: Sequence[int]) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for count in counts:
                connection.execute(_FILL, {**values, "users": count})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, (batches[::2], batches[1::2])))
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("accounts", "transactions", "ledger_entries", "lots", "stripe_events"):
            connection.execute(b"vacuum analyze credits." + table.encode())


def some_users(connection: psycopg.Connection[Any], count: int) -> list[str]:
    """Users from everywhere in the table."""
    rows = connection.execute(
        "select user_id::text from credits.accounts where balance > 0 order by random() limit %s", [count]
    )
    return [user_id for (user_id,) in rows]
