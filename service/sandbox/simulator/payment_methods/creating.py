"""New payment methods: from card numbers, tokens, account numbers and `pm_card_*` names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.sandbox.simulator import declines
from service.sandbox.simulator.card_table import card_by_name, card_by_number
from service.sandbox.simulator.cards import Card, passes_luhn
from service.sandbox.simulator.errors import (
    StripeError,
    invalid_parameter,
    missing_parameter,
    no_such,
    not_simulated,
)
from service.sandbox.simulator.payment_methods.bank_table import BankAccount, bank_by_iban, bank_by_name
from service.sandbox.simulator.payment_methods.instruments import Instrument
from service.sandbox.simulator.payment_methods.payment_method import new_payment_method

if TYPE_CHECKING:
    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.objects import Object

_SHORTEST, _LONGEST = 12, 19


def create_from_form(account: Account, params: Object, prefix: str = "") -> Object:
    """Create from `type` and the details of that type, `card` or `sepa_debit`.

    American accounts exist by their test names only: by number, Stripe verifies them first.

    Args:
        account: Where it is kept.
        params: The parameters of `POST /v1/payment_methods`, or a PaymentIntent's `payment_method_data`.
        prefix: The parameter that holds them, for errors.

    Raises:
        StripeError: 402 for card numbers that no network would take, 400 for the rest.
    """
    kind = params.get("type")
    if kind is None:
        raise missing_parameter(_join(prefix, "type"))
    if kind not in {"card", "sepa_debit"}:
        raise not_simulated(f"payment methods of type {kind}", _join(prefix, "type"))
    details = params.get(kind)
    if details is None:
        raise missing_parameter(_join(prefix, kind))
    source: Card | BankAccount
    if kind == "card":
        source = _read_card(details, _join(prefix, kind))
    else:
        source = _read_iban(details, _join(prefix, kind))
        for name in ("name", "email"):  # a mandate needs both
            if not params.get("billing_details", {}).get(name):
                raise missing_parameter(_join(prefix, f"billing_details[{name}]"))
    return _keep(account, source, params)


def create_from_name(account: Account, name: str) -> Object | None:
    """Create what `pm_card_visa`, `pm_usBankAccount_success` and the like stand for; None for other names."""
    source = card_by_name(name) if name.startswith("pm_card_") else bank_by_name(name)
    return None if source is None else _keep(account, source, {})


def _keep(account: Account, source: Card | BankAccount, params: Object) -> Object:
    method = new_payment_method(source, params, livemode=account.livemode)
    account.instruments[method["id"]] = Instrument(source)
    return account.payment_methods.add(method["id"], method)


def _read_card(form: Object, param: str) -> Card:
    if "token" in form:
        card = card_by_name(form["token"]) if form["token"].startswith("tok_") else None
        if card is None:
            raise no_such("token", form["token"], param=_join(param, "token"), in_path=False)
        return card
    for name in ("number", "exp_month", "exp_year"):
        if name not in form:
            raise missing_parameter(_join(param, name))
    number = form["number"].replace(" ", "").replace("-", "")
    if not number.isdecimal() or not _SHORTEST <= len(number) <= _LONGEST:
        raise card_error("invalid_number", "The card number is not a valid credit card number.", "number")
    if not passes_luhn(number):
        raise card_error("incorrect_number", "Your card number is incorrect.", "number")
    card = card_by_number(number)
    if card is None:
        decline = declines.NOT_A_TEST_CARD
        raise card_error(decline.code, decline.message, None, decline.decline_code)
    _check_expiry(form["exp_month"], form["exp_year"])
    cvc = form.get("cvc")
    if cvc is not None and not (cvc.isdecimal() and len(cvc) == card.cvc_length):
        raise card_error("invalid_cvc", "Your card's security code is invalid.", "cvc")
    return card


def _check_expiry(month: int, year: int) -> None:
    now = time.gmtime()
    if not 1 <= month <= 12:  # noqa: PLR2004 - the months of a year
        raise card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    if not now.tm_year <= year <= now.tm_year + 50:
        raise card_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if (year, month) < (now.tm_year, now.tm_mon):
        raise card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")


def _read_iban(form: Object, param: str) -> BankAccount:
    if "iban" not in form:
        raise missing_parameter(_join(param, "iban"))
    account = bank_by_iban(form["iban"])
    if account is None:
        raise invalid_parameter(
            "The IBAN you provided is not a test IBAN. Try one of Stripe's page on testing SEPA Direct "
            "Debit.",
            _join(param, "iban"),
            "invalid_bank_account_iban",
        )
    return account


def card_error(code: str, message: str, param: str | None, decline_code: str | None = None) -> StripeError:
    """A card that was refused before anybody tried to charge it: 402."""
    return StripeError(402, "card_error", message, code=code, param=param, decline_code=decline_code)


def _join(prefix: str, name: str) -> str:
    head, bracket, tail = name.partition("[")
    return f"{prefix}[{head}]{bracket}{tail}" if prefix else name
