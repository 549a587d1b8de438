"""What every measurement stands on: a stack of its own, purchases to pay, and the proof of their credits."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx
import psycopg

from service.events import project_event
from service.sandbox.errors import SandboxError
from service.sandbox.stack import start_stack
from tests.bench.purchases import (
    CREDITS,
    PACKAGE,
    Purchase,
    Webhooks,
    database_call,
    make_users,
    open_purchases,
)
from tests.bench.wires import to_postgres

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from service.sandbox.stack import Stack
    from tests.bench.load import Run, Wire

USERS: Final = 10_000
"""Users among whom purchases are spread, so that calls hardly ever wait for each other's locks."""

_CREDITED: Final = """
select count(*) filter (where t.status = 'succeeded'), count(e.id), coalesce(sum(e.amount), 0)
from unnest(%s::uuid[]) as wanted (id)
join credits.transactions as t on t.id = wanted.id
left join credits.ledger_entries as e on e.user_id = t.user_id and e.transaction_id = t.id
"""


class UnprovedError(Exception):
    """A run whose events were not all credited exactly once: it measured something else."""


@dataclass
class Ground:
    """The running parts, and how long each run of load lasts."""

    stack: Stack
    admin: psycopg.Connection[Any] = field(repr=False)
    webhooks: Webhooks
    users: list[str] = field(repr=False)
    seconds: float

    @property
    def logs(self) -> Path:
        """Where the servers write their logs."""
        return self.stack.supabase.data_dir

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of a server."""
        return self.stack.environment

    def open_purchases(self, count: int, users: Sequence[str] | None = None) -> list[Purchase]:
        """Purchases to pay."""
        return open_purchases(self.admin, users or self.users, count)

    def sign_in(self, user_id: str) -> str:
        """An access token of this user."""
        return sign_in(self.stack, user_id)

    def as_user(self, token: str) -> dict[str, str]:
        """The headers of a user's own request to PostgREST."""
        return {"apikey": self.stack.supabase.publishable_key, "Authorization": f"Bearer {token}"}

    def to_database(self, statement: str, role: str = "service_role") -> Callable[[], Awaitable[Wire]]:
        """Connects straight to Postgres."""
        port = psycopg.conninfo.conninfo_to_dict(self.stack.supabase.admin_database_url)["port"]
        return to_postgres(self.stack.supabase.data_dir / "sockets", int(port or 0), role, statement)

    def database_call(self, purchase: Purchase) -> bytes:
        """The purchase's webhook as the database gets it."""
        return database_call(project_event(self.webhooks.body(purchase)))

    def prove(self, what: str, purchases: Sequence[Purchase], run: Run) -> None:
        """Raise `UnprovedError` unless what was accepted was credited, each once.

        One that was refused may have been credited: Stripe would send it again, and get 200 for it.
        """
        ids = [purchase.transaction_id for purchase in purchases]
        succeeded, entries, credited = self.admin.execute(_CREDITED, [ids]).fetchone() or (0, 0, 0)
        once = entries == succeeded and credited == CREDITS * succeeded
        if not once or not run.accepted <= succeeded <= run.accepted + run.refused.total():
            raise UnprovedError(
                f"{what}: {run.accepted} accepted, {dict(run.refused)} refused; {succeeded} succeeded with "
                f"{entries} entries of {credited} credits."
            )

    def audit(self) -> None:
        """Raise `UnprovedError` unless the whole database adds up."""
        found = self.admin.execute("select * from public.audit_credits()").fetchall()
        if found:
            raise UnprovedError(f"The audit finds {len(found)} things that do not add up: {found[:3]}")


@contextmanager
def prepare_ground(seconds: float, users: int = USERS) -> Iterator[Ground]:
    """A fresh stack in a temporary folder.

    Raises:
        SandboxError: It does not start.
    """
    with (
        start_stack() as stack,
        psycopg.connect(stack.supabase.admin_database_url, autocommit=True) as admin,
    ):
        ids = make_users(admin, users)
        # None of the users that buy here is testing cards.
        admin.execute("update credits.settings set max_open_purchases = 1000000")
        example = _buy_once(stack, sign_in(stack, ids[0]))
        stack.simulator.pause_deliveries()
        yield Ground(stack, admin, Webhooks(example, stack.webhook_secret), ids, seconds)


def sign_in(stack: Stack, user_id: str) -> str:
    """An access token of this user, as Supabase Auth signs it, good for an hour."""
    now = int(time.time())
    issuer = f"{stack.supabase.url}/auth/v1"
    claims = {"sub": user_id, "aud": "authenticated", "role": "authenticated", "iss": issuer}
    return stack.supabase.sign_token({**claims, "iat": now, "exp": now + 3600})


def _buy_once(stack: Stack, token: str) -> dict[str, Any]:
    """Buy as a user does; the event of Stripe that says so."""
    stripe = stack.simulator
    with httpx.Client(timeout=60, trust_env=False) as http:
        order = http.post(
            f"{stack.service_url}/api/stripe/create-payment-intent",
            json={"creditPackageId": PACKAGE},
            headers={"Authorization": f"Bearer {token}"},
        )
        as_server = {"Authorization": f"Bearer {stripe.secret_key}"}
        intent = order.raise_for_status().json()["data"]["paymentIntentId"]
        payment = {"payment_method": "pm_card_visa", "return_url": "https://app.example.com/paid"}
        http.post(
            f"{stripe.url}/v1/payment_intents/{intent}/confirm", data=payment, headers=as_server
        ).raise_for_status()
        stripe.wait_until_idle()
        events = http.get(f"{stripe.url}/v1/events", params={"limit": 20}, headers=as_server)
    for event in events.raise_for_status().json()["data"]:
        if event["type"] == "payment_intent.succeeded" and event["data"]["object"]["id"] == intent:
            found: dict[str, Any] = event
            return found
    raise SandboxError("The simulator has no event of the payment.")
