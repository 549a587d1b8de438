"""API keys and versions: who calls, in which mode."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox.simulator.account import Account
from service.sandbox.simulator.errors import invalid_parameter, unauthorized
from service.sandbox.simulator.events.record import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using "
    "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    "https://stripe.com/docs/api#authentication for details, or we can help at "
    "https://support.stripe.com/."
)


@dataclass(frozen=True)
class Identity:
    """Whose key it was: the account in the key's mode, and whether the key is a publishable one."""

    account: Account
    publishable: bool


class Keyring:
    """The keys that the simulator knows. Each secret key has a publishable twin."""

    def __init__(self, secret_keys: Iterable[str]) -> None:
        self.accounts = {False: Account(livemode=False), True: Account(livemode=True)}
        self._identities: dict[str, Identity] = {}
        for key in secret_keys:
            account = self.accounts[is_live(key)]
            self._identities[key] = Identity(account, publishable=False)
            self._identities[publishable_key(key)] = Identity(account, publishable=True)

    def identify(self, authorization: str | None) -> Identity:
        """Read the `Authorization` header: `Bearer KEY`, or Basic with the key as the user.

        Raises:
            StripeError: 401, without a key or with one that is not known.
        """
        key = _read_key(authorization or "")
        if not key:
            raise unauthorized(_NO_KEY)
        identity = self._identities.get(key)
        if identity is None:
            raise unauthorized(f"Invalid API Key provided: {_mask(key)}")
        return identity

    def other_mode(self, account: Account) -> Account:
        """The same account in the other mode."""
        return self.accounts[not account.livemode]


def publishable_key(secret_key: str) -> str:
    """The key that a page may hold: `sk_test_x` → `pk_test_x`."""
    return f"pk{secret_key[2:]}"


def is_live(secret_key: str) -> bool:
    """Whether it is a key of live mode.

    Raises:
        ValueError: It is no secret or restricted key of Stripe's.
    """
    kind, mode, *rest = [*secret_key.split("_", 2), "", ""][:3]
    if kind not in {"sk", "rk"} or mode not in {"test", "live"} or not rest[0]:
        raise ValueError("a secret key looks like sk_test_… or sk_live_…")
    return mode == "live"


def check_version(requested: str | None) -> None:
    """Accept the version that the SDK pins, which is the account's default too.

    Raises:
        StripeError: 400 for any other.
    """
    if requested not in {None, API_VERSION}:
        raise invalid_parameter(
            f"Invalid Stripe API version: {requested}. The Stripe simulator knows {API_VERSION} alone."
        )


def _read_key(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _mask(key: str) -> str:
    shown = 8 if key.startswith(("sk_test_", "sk_live_", "pk_test_", "pk_live_")) else 0
    hidden = max(len(key) - shown - 4, 0)
    return f"{key[:shown]}{'*' * hidden}{key[shown + hidden :]}"
