"""What the database holds after all, read as the owner of the schema."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg.rows import DictRow

_PURCHASES: LiteralString = (
    "select id, user_id, amount_minor, currency, status, stripe_payment_intent_id, created_at "
    "from credits.transactions "
)


class Books:
    """The tables of `credits`, one connection; every statement is committed at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._has_test_packages = False
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[DictRow]:
        return psycopg.connect(self._url, row_factory=dict_row, autocommit=True)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def execute(self, query: LiteralString | bytes, *params: object) -> psycopg.Cursor[DictRow]:
        """Run one statement, on a new connection where a test has stopped Postgres since the last one."""
        try:
            return self._connection.execute(query, params)
        except psycopg.OperationalError:
            self._connection = self._connect()
            return self._connection.execute(query, params)

    def rows(self, query: LiteralString, *params: object) -> list[DictRow]:
        """The rows that a query gives."""
        return self.execute(query, *params).fetchall()

    def value(self, query: LiteralString, *params: object) -> Any:  # noqa: ANN401 - whatever SQL gives
        """The one value of the one row that a query gives."""
        [row] = self.rows(query, *params)
        [value] = row.values()
        return value

    def purchases(self, user_id: UUID) -> list[DictRow]:
        """The user's purchases, oldest first."""
        return self.rows(_PURCHASES + "where user_id = %s order by created_at, id", user_id)

    def purchase(self, payment_intent_id: str) -> DictRow:
        """The purchase of a PaymentIntent."""
        [found] = self.rows(_PURCHASES + "where stripe_payment_intent_id = %s", payment_intent_id)
        return found

    def entries(self, user_id: UUID) -> list[tuple[str, Decimal | int]]:
        """Kind and amount of the user's ledger entries, oldest first."""
        rows = self.rows(
            "select kind, amount from credits.ledger_entries where user_id = %s order by id", user_id
        )
        return [(row["kind"], row["amount"]) for row in rows]

    def balance(self, user_id: UUID) -> Decimal | int:
        """The user's balance, 0 where there is no account."""
        rows = self.rows("select balance from credits.accounts where user_id = %s", user_id)
        return rows[0]["balance"] if rows else Decimal()

    def event(self, event_id: str) -> tuple[str, str | None] | None:
        """Outcome and reason of a Stripe event, or None if it was never stored."""
        rows = self.rows("select outcome, reason from credits.stripe_events where id = %s", event_id)
        return (rows[0]["outcome"], rows[0]["reason"]) if rows else None

    def count_events(self) -> int:
        """How many events were ever stored."""
        count: int = self.value("select count(*) from credits.stripe_events")
        return count

    def new_user(self, user_id: UUID) -> None:
        """Add a user as Supabase Auth does."""
        self.execute("insert into auth.users (id, email) values (%s, %s)", user_id, f"{user_id}@example.test")

    def new_package(self, amount_minor: int, currency: str = "usd", credit_amount: Decimal | int = 15) -> str:
        """Put a package on sale; its id."""
        self._has_test_packages = True
        return str(
            self.value(
                "insert into credits.packages (name, description, amount_minor, currency, credits) "
                "values ('Test Package', '', %s, %s, %s) returning id",
                amount_minor,
                currency,
                credit_amount,
            )
        )

    def retire_test_packages(self) -> None:
        """Take all packages of `new_package` off sale."""
        if not self._has_test_packages:
            return
        self._has_test_packages = False
        self.execute("update credits.packages set is_active = false where name = 'Test Package'")

    def audit(self) -> list[DictRow]:
        """All that does not add up in the whole database."""
        return self.rows("select * from public.audit_credits()")
