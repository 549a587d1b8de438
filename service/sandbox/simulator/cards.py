"""What a test card is, and how one is found by its number, its `pm_card_*` or its `tok_*`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ThreeDSecure = Literal[
    "not_supported", "not_enrolled", "optional", "required", "required_unless_set_up", "required_but_set_up"
]
RefundCourse = Literal["immediate", "pending_then_succeeds", "succeeds_then_fails"]
DisputeKind = Literal["fraudulent", "product_not_received", "inquiry", "multiple"]


@dataclass(frozen=True)
class Decline:
    """Why a card network or Stripe says no.

    Attributes:
        code: Stripe's error code.
        decline_code: The reason within `card_declined`, else None.
        message: What the customer may be shown.
        param: The field of the card form that is to blame, if one is.
        blocked: Stripe itself refused, the bank was never asked.
    """

    code: str
    decline_code: str | None
    message: str
    param: str | None = None
    blocked: bool = False


@dataclass(frozen=True)
class Card:
    """One card of Stripe's testing page.

    Attributes:
        number: Its digits.
        brand: "visa", "mastercard", "amex", ...
        aliases: The ends of its `pm_card_…` and `tok_…` names.
        country: Two letters.
        funding: "credit", "debit" or "prepaid".
        decline: The answer to each payment; None pays.
        attaches: Whether it can be saved to a customer.
        three_d_secure: Whether the customer must authenticate: "optional" only when the merchant asks,
            "required" always, the other two unless the payment is off-session and the card was set up for it.
        dispute: The dispute that follows each payment.
        refund: How a refund goes.
        checks: Results of the CVC, address and postal code checks where they differ from "pass".
        risk_level: Radar's opinion.
    """

    number: str
    brand: str
    aliases: tuple[str, ...] = ()
    country: str = "US"
    funding: Literal["credit", "debit", "prepaid"] = "credit"
    decline: Decline | None = None
    attaches: bool = True
    three_d_secure: ThreeDSecure = "not_enrolled"
    dispute: DisputeKind | None = None
    refund: RefundCourse = "immediate"
    checks: tuple[tuple[str, str], ...] = ()
    risk_level: Literal["normal", "elevated", "highest"] = "normal"

    @property
    def last4(self) -> str:
        """The only digits that Stripe shows."""
        return self.number[-4:]

    @property
    def cvc_length(self) -> int:
        """How many digits its security code has."""
        return 4 if self.brand == "amex" else 3


def passes_luhn(number: str) -> bool:
    """Whether the last digit of a card number is the check digit of the others."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the two digits of the product are added
    return total % 10 == 0
