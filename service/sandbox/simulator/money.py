"""Which amounts Stripe accepts (docs: Supported currencies; Minimum and maximum charge amounts).

Amounts are integers in the currency's minor unit, as Stripe's API counts them.
"""

from __future__ import annotations

from service.sandbox.simulator.errors import StripeError, invalid_parameter

_SUPPORTED = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf
    chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg
    huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk
    mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub
    rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd
    vuv wst xaf xcd xof xpf yer zar zmw
"""
_CURRENCIES = frozenset(_SUPPORTED.split())
_ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
_THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Decimals that exist on paper only: the amount has two decimals in the API, both of them zero.
_WHOLE_UNITS = frozenset({"isk", "ugx"})
# In the currency's minor unit. Stripe checks currencies that are missing here after conversion to the
# account's own currency; without exchange rates they are checked for being positive only.
_MINIMUM = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
_MAXIMUM = {"idr": 999_999_999_999}
_DEFAULT_MAXIMUM = 99_999_999


def check_currency(currency: str, param: str = "currency") -> str:
    """The currency in lowercase.

    Raises:
        StripeError: Stripe does not charge in it.
    """
    code = currency.lower()
    if code not in _CURRENCIES:
        supported = ", ".join(sorted(_CURRENCIES))
        raise invalid_parameter(
            f"Invalid currency: {code}. Stripe currently supports these currencies: {supported}", param
        )
    return code


def check_amount(amount: int, currency: str, param: str = "amount") -> int:
    """The amount of a payment, in minor units of a currency that `check_currency` returned.

    Raises:
        StripeError: It is not positive, too small, too large, or has decimals that the currency lacks.
    """
    if amount < 1:
        raise invalid_parameter(
            "This value must be greater than or equal to 1.", param, "parameter_invalid_integer"
        )
    minimum = _MINIMUM.get(currency, 1)
    if amount < minimum:
        raise _amount_error(
            f"Amount must be at least {show_amount(minimum, currency)}", param, "amount_too_small"
        )
    maximum = _MAXIMUM.get(currency, _DEFAULT_MAXIMUM)
    if amount > maximum:
        raise _amount_error(
            f"Amount must be no more than {show_amount(maximum, currency)}", param, "amount_too_large"
        )
    if currency in _THREE_DECIMAL and amount % 10:
        raise _amount_error(
            f"Amounts in {currency} must have a 0 as their last digit", param, "invalid_charge_amount"
        )
    if currency in _WHOLE_UNITS and amount % 100:
        message = f"Amounts in {currency} must be whole units, so the last two digits must be 0"
        raise _amount_error(message, param, "invalid_charge_amount_no_decimal_compatible")
    return amount


def stripe_fee(amount: int, currency: str) -> int:
    """What Stripe keeps of a payment: its list price in the US, 2.9 % and 30 minor units."""
    fixed = 0 if currency in _ZERO_DECIMAL else 300 if currency in _THREE_DECIMAL else 30
    return min(amount, (amount * 29 + 500) // 1000 + fixed)


def show_amount(amount: int, currency: str) -> str:
    """For people: "$15.00 usd"."""
    if currency in _ZERO_DECIMAL:
        return f"{amount} {currency}"
    digits = 3 if currency in _THREE_DECIMAL else 2
    sign = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency, "")
    return f"{sign}{amount // 10**digits}.{amount % 10**digits:0{digits}} {currency}"


def _amount_error(message: str, param: str, code: str) -> StripeError:
    return invalid_parameter(message, param, code)
