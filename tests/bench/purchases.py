"""Purchases that wait for their payment, and the webhooks that tell of it, made in bulk."""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.event_types import WEBHOOK_PATH
from tests.bench.wires import http_request, postgres_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

PACKAGE: Final = "5ca1ab1e-0000-4000-8000-000000000015"
"""What each purchase is of: the seed's Medium Package, 15 credits for 15.00 usd."""

CREDITS: Final = 15

_FILL: Final = """
with made as (
  select gen_random_uuid() as id, 'pi_' || replace(gen_random_uuid()::text, '-', '') as payment_intent_id,
    row_number() over () as number
  from generate_series(1, %(count)s)
), person as (
  select id, row_number() over () as number from unnest(%(users)s::uuid[]) as id
), filled as (
  insert into credits.transactions (
    id, user_id, package_id, description, amount_minor, currency, credits, livemode, stripe_payment_intent_id
  )
  select made.id, person.id, p.id, p.name || ' purchase', p.amount_minor, p.currency, p.credits, false,
    made.payment_intent_id
  from made
  join person on person.number = 1 + (made.number - 1) %% cardinality(%(users)s::uuid[])
  cross join credits.packages as p
  where p.id = %(package)s
  returning id, user_id, stripe_payment_intent_id
)
select filled.id::text, filled.user_id::text, filled.stripe_payment_intent_id
from filled join made using (id) order by made.number
"""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase that is not paid yet."""

    transaction_id: str
    user_id: str
    payment_intent_id: str


def make_users(connection: psycopg.Connection[Any], count: int) -> list[str]:
    """Users who have signed up and have an account; their ids."""
    rows = connection.execute(
        "with person as (insert into auth.users (id, email) select id, id || '@example.test' "
        "from (select gen_random_uuid() as id from generate_series(1, %s)) as new returning id) "
        "insert into credits.accounts (user_id, auth_user_id) select id, id from person "
        "returning user_id::text",
        [count],
    )
    return [user_id for (user_id,) in rows]


def open_purchases(connection: psycopg.Connection[Any], users: Sequence[str], count: int) -> list[Purchase]:
    """Purchases of these users in turn, each with its PaymentIntent, as the service leaves them."""
    rows = connection.execute(_FILL, {"count": count, "users": list(users), "package": PACKAGE})
    return [Purchase(*row) for row in rows]


class Webhooks:
    """`payment_intent.succeeded` for purchases: an event that the simulator has sent, with other ids."""

    def __init__(self, example: Mapping[str, Any], secret: str) -> None:
        intent = example["data"]["object"]
        self._secret = secret.encode()
        self._ids = [
            json.dumps(known).encode()
            for known in (
                intent["metadata"]["transaction_id"],
                intent["metadata"]["user_id"],
                intent["id"],
                example["id"],
            )
        ]
        self._body = json.dumps(example, indent=2).encode()

    def body(self, purchase: Purchase) -> bytes:
        """The event, as Stripe writes it."""
        body = self._body
        event_id = purchase.payment_intent_id.replace("pi_", "evt_")
        ids = (purchase.transaction_id, purchase.user_id, purchase.payment_intent_id, event_id)
        for known, other in zip(self._ids, ids, strict=True):
            body = body.replace(known, b'"%s"' % other.encode())
        return body

    def request(self, purchase: Purchase) -> bytes:
        """The request that Stripe makes, signed now."""
        body = self.body(purchase)
        timestamp = b"%d" % time.time()
        signature = hmac.digest(self._secret, timestamp + b"." + body, "sha256").hex()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={timestamp.decode()},v1={signature}",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        return http_request("POST", WEBHOOK_PATH, headers, body)


def database_call(projected: dict[str, Any]) -> bytes:
    """The same event straight to `record_stripe_events`, alone in its transaction."""
    return postgres_request(json.dumps([projected]).encode())
