"""What stands behind the page, as a test looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from stripe import api_version

from tests import loopback

if TYPE_CHECKING:
    from service.sandbox.simulator import LocalStripe
    from service.sandbox.stack import Stack


@dataclass(frozen=True)
class Shop:
    """The page's address, and the stack."""

    stack: Stack
    page_url: str

    @property
    def stripe(self) -> LocalStripe:
        """The simulator's handle."""
        return self.stack.simulator

    @property
    def origins(self) -> set[str]:
        """All that a browser may ever call."""
        return {self.page_url, self.stack.supabase.url, self.stack.service_url, self.stripe.url}

    def balance_of(self, email: str) -> Decimal:
        """What the ledger adds up to, once Stripe has told everything."""
        self.stripe.wait_until_idle()
        [row] = self._ask(
            "select coalesce(sum(l.amount), 0) from users as u join credit_ledger as l using (user_id)", email
        )
        return Decimal(row[0])

    def purchases_of(self, email: str) -> list[str]:
        """The status of each purchase, oldest first, once Stripe has told everything."""
        self.stripe.wait_until_idle()
        rows = self._ask(
            """
            select t.status from users as u join credit_transactions as t using (user_id)
            order by t.created_at
            """,
            email,
        )
        return [status for (status,) in rows]

    def payment_intents_of(self, email: str) -> list[str]:
        """The PaymentIntent of each purchase, oldest first."""
        rows = self._ask(
            """
            select t.stripe_payment_intent_id from users as u join credit_transactions as t using (user_id)
            order by t.created_at
            """,
            email,
        )
        return [intent for (intent,) in rows]

    def call(self, function: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Call a function of the database's, as the app's backend does."""
        answer = loopback.post(
            f"{self.stack.supabase.url}/rest/v1/rpc/{function}",
            headers={"apikey": self.stack.supabase.secret_key},
            json=arguments,
        )
        assert answer.is_success, answer.text
        return answer.json()

    def give(self, user_id: str, reason: str, amount: int, **more: str) -> None:
        """Grant credits."""
        key = f"{user_id} {reason}"
        self.call("grant_credits", user_id=user_id, amount=amount, reason=reason, idempotency_key=key, **more)

    def execute(self, statement: str, *values: str) -> None:
        """Change something as the role postgres."""
        with psycopg.connect(self.stack.supabase.database_url) as connection:
            connection.execute(statement.encode(), values)

    def call_stripe(self, method: str, path: str, **form: str | int) -> dict[str, Any]:
        """Do what the shop's owner does in Stripe's dashboard."""
        answer = loopback.request(
            method,
            f"{self.stripe.url}/v1/{path}",
            data=form,
            headers={"Authorization": f"Bearer {self.stripe.secret_key}", "Stripe-Version": str(api_version)},
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _ask(self, query: str, email: str) -> list[tuple[Any, ...]]:
        users = "with users as (select id as user_id from auth.users where email = %s)"
        with psycopg.connect(self.stack.supabase.database_url) as connection:
            return connection.execute(f"{users} {query}".encode(), [email]).fetchall()
