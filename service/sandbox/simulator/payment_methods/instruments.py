"""What stands behind a PaymentMethod and is never shown: the card or account, and its past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.sandbox.simulator.cards import Card
    from service.sandbox.simulator.payment_methods.bank_table import BankAccount


@dataclass
class Instrument:
    """A card or a bank account behind one PaymentMethod.

    Attributes:
        source: The test card or account.
        spent: It paid without belonging to a customer, or was detached: Stripe never takes it again.
        set_up: The customer agreed to later payments with it, and authenticated then.
        mandate: The id of the agreement to debit, once there is one.
    """

    source: Card | BankAccount
    spent: bool = False
    set_up: bool = False
    mandate: str | None = None
