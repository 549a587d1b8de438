"""Giving, spending and holding credits as a test says it, and time that passes for one account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from psycopg import sql

from tests.sql.events import deliver, payment
from tests.sql.purchases import Credits, Purchase, new_package, new_user, open_purchase

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from tests.sql.database import Database

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SMALLEST = Decimal("0.000001")


def give(
    db: Database,
    user_id: UUID,
    amount: Credits | str,
    *,
    expires_in: timedelta | None = None,
    priority: int = 50,
) -> int:
    """Grant credits, which expire in so long; give the id of their lot."""
    arguments: dict[str, object] = {"user_id": user_id, "amount": Decimal(amount), "reason": "Welcome"}
    if expires_in is not None:
        arguments["expires_at"] = db.value(datetime, "select now() + %s", expires_in)
    answer = db.rpc("grant_credits", **arguments, priority=priority, idempotency_key=uuid4().hex)
    return int(answer["entry_id"])


def user_with(db: Database, amount: Credits | str) -> UUID:
    """Make a user who was granted so many credits that do not expire."""
    user_id = new_user(db)
    give(db, user_id, amount)
    return user_id


def buy(
    db: Database,
    user_id: UUID | None = None,
    credit_amount: Credits = 15,
    *,
    amount_minor: int = 1500,
    currency: str = "usd",
) -> Purchase:
    """Open and pay a purchase of so many credits at this price."""
    package_id = new_package(db, amount_minor, currency, credit_amount)
    purchase = open_purchase(db, user_id, package_id)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    return purchase


def spend(
    db: Database, user_id: UUID, amount: Credits | str, key: str | None = None, /, **more: object
) -> DictRow:
    arguments: dict[str, object] = {
        "user_id": user_id,
        "amount": Decimal(amount),
        "idempotency_key": key or uuid4().hex,
        "description": "Usage",
    }
    return db.rpc("spend_credits", **arguments | more)


def hold(
    db: Database,
    user_id: UUID,
    amount: Credits | str,
    key: str | None = None,
    /,
    *,
    lasting: timedelta = HOUR,
    **more: object,
) -> DictRow:
    arguments: dict[str, object] = {
        "user_id": user_id,
        "amount": Decimal(amount),
        "idempotency_key": key or uuid4().hex,
        "expires_in": lasting,
        "description": "Work",
    }
    return db.rpc("hold_credits", **arguments | more)


def capture(db: Database, held: DictRow, amount: Credits | str, /, **more: object) -> DictRow:
    return db.rpc("capture_hold", hold_id=held["hold_id"], amount=Decimal(amount), **more)


def release(db: Database, held: DictRow) -> DictRow:
    return db.rpc("release_hold", hold_id=held["hold_id"])


def refund(
    db: Database,
    user_id: UUID,
    spent: DictRow,
    amount: Credits | str,
    key: str | None = None,
    /,
    **more: object,
) -> DictRow:
    arguments: dict[str, object] = {
        "user_id": user_id,
        "entry_id": spent["entry_id"],
        "amount": Decimal(amount),
        "idempotency_key": key or uuid4().hex,
    }
    return db.rpc("refund_spend", **arguments | more)


def let_pass(db: Database, user_id: UUID, span: timedelta) -> None:
    """Let time pass for one account: now() stands still in a transaction, so its dates move back instead."""
    db.execute(
        "update credits.holds set created_at = created_at - %s, expires_at = expires_at - %s "
        "where user_id = %s",
        span,
        span,
        user_id,
    )
    db.execute("update credits.lots set expires_at = expires_at - %s where user_id = %s", span, user_id)
    db.execute("update credits.accounts set due_at = due_at - %s where user_id = %s", span, user_id)


@dataclass(frozen=True)
class Shown:
    """What a user sees of the balance."""

    balance: Credits
    held: Credits = 0
    expiring: Credits = 0

    @property
    def available(self) -> Credits:
        """What can be spent now."""
        return max(self.balance - self.held, 0)


def shown(db: Database, user_id: UUID) -> Shown:
    """Read credit_balance as the user."""
    with db.acting_as("authenticated", user_id):
        [row] = db.rows("select * from public.credit_balance")
    seen = Shown(row["balance"], row["held"], row["expiring_amount"])
    assert row["available"] == seen.available
    assert (row["expiring_at"] is None) == (row["expiring_amount"] == 0)
    return seen


def remaining(db: Database, user_id: UUID) -> dict[int, Credits]:
    """Give what is left of each lot of the user, used-up ones too, oldest first."""
    rows = db.rows("select id, remaining from credits.lots where user_id = %s order by id", user_id)
    return {row["id"]: row["remaining"] for row in rows}


def lot_of(db: Database, purchase: Purchase) -> int:
    return db.value(int, "select id from credits.lots where transaction_id = %s", purchase.id)


def history(db: Database, user_id: UUID) -> list[tuple[str, Credits]]:
    """Give the kind and amount of every entry that the user sees, oldest first."""
    with db.acting_as("authenticated", user_id):
        rows = db.rows("select kind, amount from public.credit_ledger order by id")
    return [(row["kind"], row["amount"]) for row in rows]


def lots_moved(db: Database, user_id: UUID, entry_id: int) -> dict[int, Credits]:
    """Give what an entry moved of which lot, as the user's history says it."""
    with db.acting_as("authenticated", user_id):
        [lots] = db.column("select lots from public.credit_ledger where id = %s", entry_id)
    return {int(lot): Decimal(str(amount)) for lot, amount in lots.items()}


def everything(db: Database) -> list[str]:
    """Give a fingerprint of all that a movement of credits could touch, one for each table."""
    rows = sql.SQL("select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {} as t")
    tables = ("accounts", "ledger_entries", "lots", "holds")
    return [db.value(str, rows.format(sql.Identifier("credits", table))) for table in tables]
