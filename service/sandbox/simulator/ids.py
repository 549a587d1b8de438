"""Ids that look like Stripe's."""

from __future__ import annotations

import secrets
import string
import time

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ACCOUNT = "LkdTopupSb"  # ids made on one account share these ten characters
_TIME_DIGITS = 6
# 256 is no multiple of 62, so eight characters come a little more often: each still weighs 5.9 bits.
_LETTERS = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))


def new_id(prefix: str) -> str:
    """An id like `pi_3MtwBwLkdTopupSb28a3tqPa`: its kind, the second it was made in, the account, chance.

    Payments start with a 3 (`pi`, `ch`, `py`, `re`, `txn`), other objects with a 1.
    """
    digit = "3" if prefix in {"pi", "ch", "py", "re", "pyr", "txn"} else "1"
    return f"{prefix}_{digit}{_encode_time()}{_ACCOUNT}{random_text(7)}"


def short_id(prefix: str, length: int = 14) -> str:
    """An id of chance alone, like `cus_NffrFeUfNV2Hib` and `req_…`."""
    return f"{prefix}_{random_text(length)}"


def random_text(length: int) -> str:
    """Letters and digits that nobody can guess."""
    return secrets.token_bytes(length).translate(_LETTERS).decode()


def _encode_time() -> str:
    number, digits = int(time.time()), ""
    for _ in range(_TIME_DIGITS):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
