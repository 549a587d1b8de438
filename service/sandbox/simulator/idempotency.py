"""Idempotency keys: the first answer is kept and given again (docs: Idempotent requests)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from service.sandbox.simulator.errors import (
    idempotency_key_in_use,
    idempotency_mismatch,
    invalid_parameter,
)

if TYPE_CHECKING:
    from service.sandbox.simulator.forms import Tree

_MAX_LENGTH = 255
_KEPT_SECONDS = 24 * 3600


@dataclass
class SavedAnswer:
    """What an operation answered: the HTTP status, the JSON body, the id of the request that did it."""

    status: int
    body: bytes
    request_id: str


@dataclass
class _Use:
    endpoint: str
    fingerprint: str
    started: float
    answer: SavedAnswer | None = None


class IdempotencyKeys:
    """The keys used on one account in one mode, each for 24 hours."""

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}

    def begin(self, key: str, endpoint: str, tree: Tree) -> SavedAnswer | None:
        """Take the key for a request: the answer to give again, or None to go on and `finish` or `forget` it.

        Args:
            key: The `Idempotency-Key` header.
            endpoint: The method and the path.
            tree: The decoded parameters.

        Raises:
            StripeError: 400 if the key was used for another request, 409 while its first one runs.
        """
        if len(key) > _MAX_LENGTH:
            raise invalid_parameter(f"Idempotency keys can be at most {_MAX_LENGTH} characters long.")
        self._drop_old()
        fingerprint = hashlib.sha256(msgspec.json.encode(tree, order="deterministic")).hexdigest()
        use = self._uses.get(key)
        if use is None:
            self._uses[key] = _Use(endpoint, fingerprint, time.monotonic())
            return None
        if use.endpoint != endpoint:
            raise idempotency_mismatch(
                "Keys for idempotent requests can only be used for the same endpoint they were first used "
                f"for ('{endpoint}' vs '{use.endpoint}'). Try using a key other than '{key}' if you meant "
                "to execute a different request."
            )
        if use.fingerprint != fingerprint:
            raise idempotency_mismatch(
                "Keys for idempotent requests can only be used with the same parameters they were first "
                f"used with. Try using a key other than '{key}' if you meant to execute a different "
                "request."
            )
        if use.answer is None:
            raise idempotency_key_in_use(key)
        return use.answer

    def finish(self, key: str, answer: SavedAnswer) -> None:
        """Keep the answer of the request that began with this key."""
        self._uses[key].answer = answer

    def forget(self, key: str) -> None:
        """Free the key of a request that was refused before its operation began."""
        self._uses.pop(key, None)

    def _drop_old(self) -> None:
        horizon = time.monotonic() - _KEPT_SECONDS
        while self._uses:
            oldest = next(iter(self._uses))
            if self._uses[oldest].started > horizon:
                return
            del self._uses[oldest]
