"""Users, packages and purchases that the tests start from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from tests.sql.database import Database


# Exact in the database; a test writes whole ones as int.
Credits: TypeAlias = Decimal | int


@dataclass(frozen=True)
class Purchase:
    """One open purchase, as Stripe and the database both know it."""

    id: UUID
    user_id: UUID
    payment_intent: str
    amount_minor: int = 1500
    currency: str = "usd"
    credits: Credits = 15
    livemode: bool = False


def new_user(db: Database) -> UUID:
    user_id = uuid4()
    db.execute("insert into auth.users (id, email) values (%s, %s)", user_id, f"{user_id}@example.test")
    return user_id


def new_package(
    db: Database,
    amount_minor: int = 1500,
    currency: str = "usd",
    credit_amount: Credits = 15,
    *,
    is_active: bool = True,
) -> UUID:
    return db.value(
        UUID,
        "insert into credits.packages (name, amount_minor, currency, credits, is_active) "
        "values ('Test Package', %s, %s, %s, %s) returning id",
        amount_minor,
        currency,
        credit_amount,
        is_active,
    )


def new_payment_intent() -> str:
    return f"pi_{uuid4().hex}"


def open_purchase(
    db: Database,
    user_id: UUID | None = None,
    package_id: UUID | None = None,
    *,
    attached: bool = True,
    livemode: bool = False,
) -> Purchase:
    """Open a purchase of 15 credits for 15.00 usd, or of the package, and attach its PaymentIntent."""
    user_id = user_id or new_user(db)
    package_id = package_id or new_package(db)
    opened = db.rpc("open_credit_purchase", user_id=user_id, package_id=package_id, livemode=livemode)
    purchase = Purchase(
        id=opened["transaction_id"],
        user_id=user_id,
        payment_intent=new_payment_intent(),
        amount_minor=opened["amount_minor"],
        currency=opened["currency"],
        credits=opened["credits"],
        livemode=livemode,
    )
    if attached:
        attach(db, purchase)
    return purchase


def attach(db: Database, purchase: Purchase) -> None:
    db.rpc("attach_payment_intent", transaction_id=purchase.id, payment_intent_id=purchase.payment_intent)


def grant(db: Database, user_id: UUID, amount: Credits | str, key: str | None = None) -> None:
    db.rpc(
        "grant_credits",
        user_id=user_id,
        amount=Decimal(amount),
        reason="Welcome",
        idempotency_key=key or uuid4().hex,
    )


def spend(db: Database, user_id: UUID, amount: Credits | str, key: str | None = None) -> int:
    """Spend credits and give the id of the ledger entry."""
    answer = db.rpc(
        "spend_credits",
        user_id=user_id,
        amount=Decimal(amount),
        idempotency_key=key or uuid4().hex,
        description="Usage",
    )
    return int(answer["entry_id"])


def hold(db: Database, user_id: UUID, amount: Credits | str, key: str | None = None) -> UUID:
    """Hold credits for ten minutes and give the id of the hold."""
    answer = db.rpc(
        "hold_credits",
        user_id=user_id,
        amount=Decimal(amount),
        idempotency_key=key or uuid4().hex,
        expires_in=timedelta(minutes=10),
        description="Work",
    )
    return UUID(str(answer["hold_id"]))


def balance(db: Database, user_id: UUID) -> Credits:
    return db.value(Decimal, "select balance from credits.accounts where user_id = %s", user_id)


def status(db: Database, purchase: Purchase) -> str:
    return db.value(str, "select status from credits.transactions where id = %s", purchase.id)


def ledger(db: Database, purchase: Purchase) -> list[tuple[str, Credits]]:
    """Give the kind and amount of each ledger entry of a purchase, oldest first."""
    rows = db.rows(
        "select kind, amount from credits.ledger_entries "
        "where user_id = %s and transaction_id = %s order by id",
        purchase.user_id,
        purchase.id,
    )
    return [(row["kind"], row["amount"]) for row in rows]
