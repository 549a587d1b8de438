"""Minor units, the currencies' exponents as Stripe's currencies page has them, and how amounts are shown."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sql.database import Database

ZERO_DECIMAL = [
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "vnd",
    "vuv",
    "xaf",
    "xof",
    "xpf",
]
THREE_DECIMAL = ["bhd", "jod", "kwd", "omr", "tnd"]
TWO_DECIMAL = ["usd", "eur", "gbp", "inr", "isk", "ugx", "huf", "twd", "idr"]


@pytest.mark.parametrize(
    ("currencies", "shown"), [(ZERO_DECIMAL, "1500"), (THREE_DECIMAL, "1.500"), (TWO_DECIMAL, "15.00")]
)
def test_amount_has_the_places_of_its_currency(db: Database, currencies: list[str], shown: str) -> None:
    for currency in currencies:
        assert db.value(str, "select credits.major_units(1500, %s)::text", currency) == shown, currency


@pytest.mark.parametrize(
    ("amount", "currency", "chargeable"),
    [
        (0, "usd", False),
        (-1, "usd", False),
        (1, "usd", True),
        (99_999_999, "usd", True),
        (100_000_000, "usd", False),
        (1, "jpy", True),
        (99_999_999, "jpy", True),
        (100_000_000, "idr", True),
        (999_999_999_999, "idr", True),
        (1_000_000_000_000, "idr", False),
        *((1500, currency, True) for currency in THREE_DECIMAL),
        *((1505, currency, False) for currency in THREE_DECIMAL),
        (1500, "isk", True),
        (1550, "isk", False),
        (1500, "ugx", True),
        (1510, "ugx", False),
    ],
)
def test_amount_is_chargeable_where_stripe_takes_it(
    db: Database, amount: int, currency: str, *, chargeable: bool
) -> None:
    assert db.column("select credits.is_chargeable(%s, %s)", amount, currency) == [chargeable]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("5.000000", "5.00"),
        ("25.500000", "25.50"),
        ("0", "0.00"),
        ("-1.250000", "-1.25"),
        ("0.333333", "0.333333"),
        ("1000000.000001", "1000000.000001"),
        ("100.000000", "100.00"),
    ],
)
def test_credits_are_shown_with_two_decimals_or_as_many_as_they_have(
    db: Database, stored: str, shown: str
) -> None:
    assert db.value(str, "select credits.shown(%s::numeric(20, 6))::text", stored) == shown


@pytest.mark.parametrize(
    ("credit_amount", "price"), [("15", 1500), ("1000000000", 999), ("99999999999999.999999", 7)]
)
def test_share_is_cut_exactly_and_whole_at_the_whole_price(
    db: Database, credit_amount: str, price: int
) -> None:
    shares = db.column(
        "select credits.share(%s::numeric(20, 6), part, %s) "
        "from generate_series(0, %s) as part order by part",
        credit_amount,
        price,
        price,
    )
    micro_credits = int(Decimal(credit_amount) * 1_000_000)
    assert shares == [Decimal(micro_credits * part // price).scaleb(-6) for part in range(price + 1)]


def test_share_of_more_than_the_price_is_everything(db: Database) -> None:
    assert db.column("select credits.share(15, 1501, 1500)") == [15]
