"""The signing secrets of one endpoint; after a roll the old one signs too, until it expires."""

from __future__ import annotations

import hashlib
import hmac
import time

from service.sandbox.simulator.ids import random_text


class SigningSecrets:
    """One current secret and those that have not expired yet (docs: Roll endpoint signing secrets)."""

    def __init__(self) -> None:
        self.current = _new_secret()
        self._expiring: list[tuple[str, float]] = []

    def roll(self, expires_in: float) -> str:
        """Make a new current secret; the one before it goes on signing for `expires_in` seconds."""
        self._expiring.append((self.current, time.time() + expires_in))
        self.current = _new_secret()
        return self.current

    def sign(self, payload: bytes, timestamp: int) -> str:
        """The `Stripe-Signature` header: the time, and one v1 for each valid secret."""
        self._expiring = [entry for entry in self._expiring if entry[1] > time.time()]
        signed = b"%d.%s" % (timestamp, payload)
        secrets = [self.current, *(secret for secret, _ in self._expiring)]
        digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
        return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])


def _new_secret() -> str:
    return f"whsec_{random_text(32)}"
