"""What these tests share: users who buy and use credits, and the commands as they run in a terminal."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import structlog
from psycopg import sql
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from service.cli import app
from tests.integration.service.books import Books

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from typer.testing import Result

    from service.sandbox.stack import Stack


class Topup(Protocol):
    """Runs a command within this process, with an exit status to expect."""

    def __call__(self, *arguments: str, status: int = 0) -> Result:
        """What it printed."""


class Customer:
    """Somebody who buys credits and uses them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.id = uuid.uuid4()
        books.new_user(self.id)

    def grant(self, amount: str, reason: str = "Welcome", **more: object) -> int:
        """Give credits; the entry."""
        return self._post("grant_credits", amount=amount, reason=reason, **more)

    def spend(self, amount: str, description: str = "Usage") -> int:
        """Use credits; the entry."""
        return self._post("spend_credits", amount=amount, description=description)

    def hold(self, amount: str, description: str = "Work") -> UUID:
        """Reserve credits for ten minutes; the hold."""
        found: UUID = self.books.value(
            "select hold_id from public.hold_credits(%s, %s, %s, '10 minutes', %s)",
            self.id,
            amount,
            uuid.uuid4().hex,
            description,
        )
        return found

    def buy(self, amount_minor: int, currency: str, credit_amount: int) -> str:
        """Buy a package of its own; the PaymentIntent."""
        package = self.books.new_package(amount_minor, currency, credit_amount)
        transaction = self.books.value(
            "select transaction_id from public.open_credit_purchase(%s, %s, false)", self.id, package
        )
        intent = f"pi_{uuid.uuid4().hex}"
        self.books.rows("select * from public.attach_payment_intent(%s, %s)", transaction, intent)
        event: dict[str, Any] = {
            "id": f"evt_{uuid.uuid4().hex}",
            "type": "payment_intent.succeeded",
            "created": 1_700_000_000,
            "livemode": False,
            "object": {
                "id": intent,
                "object": "payment_intent",
                "amount": amount_minor,
                "amount_received": amount_minor,
                "currency": currency,
                "status": "succeeded",
                "livemode": False,
                "metadata": {"transaction_id": str(transaction), "user_id": str(self.id)},
            },
        }
        [outcome] = self.books.value("select public.record_stripe_events(%s)", Jsonb([event]))
        assert outcome["outcome"] == "applied"
        return intent

    def let_grants_lapse(self) -> None:
        """Make it as late as when all grants have expired. Nothing looks at the account yet."""
        self.books.execute(
            "update credits.lots set expires_at = now() - interval '1 minute'"
            " where user_id = %s and transaction_id is null",
            self.id,
        )
        self.books.execute(
            "update credits.accounts set due_at = now() - interval '1 minute' where user_id = %s", self.id
        )

    def _post(self, function: str, **arguments: object) -> int:
        names = {"user_id": self.id, "idempotency_key": uuid.uuid4().hex, **arguments}
        call = sql.SQL("select entry_id from {}({})").format(
            sql.Identifier("public", function),
            sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(name)) for name in names),
        )
        [row] = self.books.execute(call.as_bytes(), *names.values()).fetchall()
        entry: int = row["entry_id"]
        return entry


@pytest.fixture
def books(stack: Stack) -> Iterator[Books]:
    """The database, in which everything adds up afterwards."""
    books = Books(stack.supabase.database_url)
    yield books
    books.retire_test_packages()
    assert books.audit() == []
    books.close()


@pytest.fixture
def customer(books: Books) -> Customer:
    """Somebody new."""
    return Customer(books)


@pytest.fixture
def env(stack: Stack) -> Iterator[Mapping[str, str]]:
    """The settings of the service, for commands that run within this process."""
    logging = structlog.get_config()
    yield stack.environment
    structlog.configure(**logging)


@pytest.fixture
def topup(env: Mapping[str, str]) -> Topup:
    """Run a command; its output carries no escape codes, as no terminal reads it."""

    def run(*arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(app, arguments, env={**env})
        assert done.exit_code == status, done.output
        assert "\x1b" not in done.output
        return done

    return run
