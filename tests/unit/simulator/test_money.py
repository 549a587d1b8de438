from __future__ import annotations

import pytest

from service.sandbox.simulator.errors import StripeError
from service.sandbox.simulator.money import check_amount, check_currency, stripe_fee


@pytest.mark.parametrize(
    ("amount", "currency", "fee"), [(1000, "usd", 59), (50, "usd", 31), (1, "all", 1), (1000, "jpy", 29)]
)
def test_the_fee_is_a_share_and_a_fixed_part_and_never_more_than_the_amount(
    amount: int, currency: str, fee: int
) -> None:
    assert stripe_fee(amount, currency) == fee


@pytest.mark.parametrize("currency", ["", "us", "usdx", "xxx", "btc"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(StripeError, match="Invalid currency"):
        check_currency(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "message"),
    [
        (49, "usd", r"Amount must be at least \$0\.50 usd"),
        (49, "jpy", "Amount must be at least 50 jpy"),
        (100_000_000, "kwd", r"Amount must be no more than 99999\.999 kwd"),
    ],
)
def test_the_bound_is_told_in_the_currency(amount: int, currency: str, message: str) -> None:
    with pytest.raises(StripeError, match=message):
        check_amount(amount, currency)
