"""Amounts and credits as people read them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_DECIMALS: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905 - reads better
)
_THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def currency_places(currency: str) -> int:
    """How many decimals a currency's amounts have, as `credits.major_units` has it."""
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def show_amount(amount_minor: int, currency: str) -> str:
    """Minor units in the currency's own places: 500 usd is "5.00 usd"."""
    return f"{Decimal(amount_minor).scaleb(-currency_places(currency)):f} {currency}"


def show_credits(credit: Decimal, *, signed: bool = False, places: int = 2) -> str:
    """Credits with at least so many decimals; `signed` puts a plus or a true minus sign in front."""
    shown = f"{abs(credit).normalize():f}"
    whole, _, decimals = shown.partition(".")
    sign = "−" if credit < 0 else "+" if signed else ""  # noqa: RUF001 - the typographic minus, on purpose
    return f"{sign}{whole}.{decimals:0<{places}}"


def places_of(amounts: Iterable[Decimal]) -> int:
    """The decimals that show all these credits in a column with their points aligned: at least two."""
    exponents = (amount.normalize().as_tuple().exponent for amount in amounts)
    return max([2, *(-exponent for exponent in exponents if isinstance(exponent, int))])
