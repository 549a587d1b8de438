"""A refund that came before anybody knew whose it was, and cannot be taken over when that becomes known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sql.events import deliver, payment, refund
from tests.sql.purchases import balance, ledger, open_purchase, status

if TYPE_CHECKING:
    from tests.sql.database import Database


def refuse_refunds(db: Database) -> None:
    """Let every posting of a refund fail, as a full disk or a lost race would."""
    db.execute(
        """
        create function credits.strike() returns trigger language plpgsql as $$
        begin
          if new.kind = 'refund' then raise exception 'struck on purpose'; end if;
          return new;
        end $$
        """
    )
    db.execute(
        "create trigger strike before insert on credits.ledger_entries "
        "for each row execute function credits.strike()"
    )


def test_payment_whose_earlier_refund_cannot_be_posted_comes_again(db: Database) -> None:
    """The refund had its 200 and does not come again by itself; the payment that makes it ours has to."""
    purchase = open_purchase(db, attached=False)
    paid = payment(purchase, "succeeded")
    assert deliver(db, refund(purchase, "re_early", 1500)) == ["ignored: not_ours"]

    refuse_refunds(db)
    assert deliver(db, paid) == ["failed: P0001"]
    assert ledger(db, purchase) == []

    db.execute("drop trigger strike on credits.ledger_entries")
    assert deliver(db, paid) == ["applied"]
    assert ledger(db, purchase) == [("purchase", 15), ("refund", -15)]
    assert (balance(db, purchase.user_id), status(db, purchase)) == (0, "refunded")
