"""Bank accounts that are debited, from Stripe's pages on testing ACH and SEPA Direct Debit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.sandbox.simulator.cards import Decline


@dataclass(frozen=True)
class BankAccount:
    """One test account. A debit is `processing` first and ends some time later.

    Attributes:
        kind: The PaymentMethod's type.
        number: The account number or IBAN.
        name: Its `pm_…` name.
        decline: Why the debit fails; None pays.
        ends: Whether the debit ever leaves `processing`.
        disputed: Whether it is disputed once paid.
    """

    kind: Literal["us_bank_account", "sepa_debit"]
    number: str
    name: str
    decline: Decline | None = None
    ends: bool = True
    disputed: bool = False

    @property
    def last4(self) -> str:
        """The only digits that Stripe shows."""
        return self.number[-4:]


def _fails(code: str, message: str) -> Decline:
    return Decline(code, None, message)


_CLOSED = _fails("account_closed", "The customer's bank account has been closed.")
_NO_ACCOUNT = _fails("no_account", "The customer's bank account could not be located.")
_NO_FUNDS = _fails(
    "insufficient_funds", "The customer's account has insufficient funds to cover this payment."
)
_NOT_AUTHORIZED = _fails(
    "debit_not_authorized", "The customer has notified their bank that this payment was unauthorized."
)
_FAILED = _fails("payment_method_provider_decline", "The payment failed.")

_ACCOUNTS = (
    BankAccount("us_bank_account", "000123456789", "pm_usBankAccount_success"),
    BankAccount("us_bank_account", "000111111113", "pm_usBankAccount_accountClosed", _CLOSED),
    BankAccount("us_bank_account", "000111111116", "pm_usBankAccount_noAccount", _NO_ACCOUNT),
    BankAccount("us_bank_account", "000222222227", "pm_usBankAccount_insufficientFunds", _NO_FUNDS),
    BankAccount("us_bank_account", "000333333335", "pm_usBankAccount_debitNotAuthorized", _NOT_AUTHORIZED),
    BankAccount("us_bank_account", "000555555559", "pm_usBankAccount_dispute", disputed=True),
    BankAccount("us_bank_account", "000000000009", "pm_usBankAccount_processing", ends=False),
    BankAccount("sepa_debit", "AT611904300234573201", "pm_sepaDebit_success_at"),
    BankAccount("sepa_debit", "AT861904300235473202", "pm_sepaDebit_failed_at", _FAILED),
    BankAccount("sepa_debit", "AT591904300235473203", "pm_sepaDebit_disputed_at", disputed=True),
    BankAccount("sepa_debit", "DE89370400440532013000", "pm_sepaDebit_success_de"),
    BankAccount("sepa_debit", "DE62370400440532013001", "pm_sepaDebit_failed_de", _FAILED),
    BankAccount("sepa_debit", "DE35370400440532013002", "pm_sepaDebit_disputed_de", disputed=True),
)
_BY_IBAN = {account.number: account for account in _ACCOUNTS if account.kind == "sepa_debit"}
_BY_NAME = {account.name: account for account in _ACCOUNTS}

CURRENCY = {"us_bank_account": "usd", "sepa_debit": "eur"}
"""The only currency in which each kind is debited."""


def bank_by_iban(iban: str) -> BankAccount | None:
    """The test account with this IBAN, written with or without spaces."""
    return _BY_IBAN.get(iban.replace(" ", "").upper())


def bank_by_name(name: str) -> BankAccount | None:
    """The test account that `pm_usBankAccount_success` and the like stand for."""
    return _BY_NAME.get(name)
