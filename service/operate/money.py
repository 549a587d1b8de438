"""Amounts and credits as people read them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_NO_DECIMALS: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905 - reads better
)
_THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def show_amount(amount_minor: int, currency: str) -> str:
    """Minor units in the currency's own places: 500 usd is "5.00 usd" (as `credits.major_units` has it)."""
    places = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    return f"{Decimal(amount_minor).scaleb(-places):f} {currency}"


def show_credits(credit: Decimal, *, signed: bool = False) -> str:
    """Credits with at least two decimals; `signed` puts a plus or a true minus sign in front."""
    shown = f"{abs(credit).normalize():f}"
    whole, _, decimals = shown.partition(".")
    sign = "−" if credit < 0 else "+" if signed else ""  # noqa: RUF001 - the typographic minus, on purpose
    return f"{sign}{whole}.{decimals:0<2}"
