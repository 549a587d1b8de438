"""The Stripe-Signature header, verified over the raw bytes of a webhook before anything reads them.

Stripe documentation, "Verify webhook signatures manually": `t=<unix seconds>,v1=<hex>[,v1=<hex>…]`, where v1
is the HMAC-SHA256 of `<t>.<body>` under the endpoint's secret, the whole `whsec_…` string.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Final

from service.errors import InvalidRequestError

TOLERANCE: Final = 300
"""Seconds that a signature may be older than now, or newer."""

_LONGEST_HEADER: Final = 4096
_TIMESTAMP: Final = re.compile(rb"[1-9][0-9]{0,11}")


class InvalidSignatureError(InvalidRequestError):
    """The webhook is not from Stripe, or was replayed. `code` says why, in the log alone."""

    def __init__(self, code: str) -> None:
        super().__init__("Invalid signature", code)


def verify_signature(headers: Sequence[bytes], body: bytes, secrets: Sequence[bytes], now: float) -> None:
    """Raise `InvalidSignatureError` unless the one header given signs this body by one of the secrets.

    `headers` holds the value of each Stripe-Signature header of the request, `now` is Unix time in seconds.
    What does not look like Stripe's own header is refused before anything is computed.
    """
    if len(headers) != 1:
        raise InvalidSignatureError("no_signature" if not headers else "several_signatures")
    timestamp, signatures = _parse(headers[0])
    if abs(now - int(timestamp)) > TOLERANCE:
        raise InvalidSignatureError("timestamp_outside_tolerance")
    signed = timestamp + b"." + body
    for secret in secrets:
        expected = hmac.digest(secret, signed, "sha256").hex().encode()
        if any(hmac.compare_digest(expected, signature) for signature in signatures):
            return
    raise InvalidSignatureError("signature_does_not_match")


def _parse(header: bytes) -> tuple[bytes, list[bytes]]:
    if len(header) > _LONGEST_HEADER or not header.isascii():
        raise InvalidSignatureError("malformed_header")
    items = [item.partition(b"=") for item in header.split(b",")]
    timestamps = [value for scheme, _, value in items if scheme == b"t"]
    # Other schemes are passed over: Stripe sends a v0 for test mode, and may add some.
    signatures = [value for scheme, _, value in items if scheme == b"v1"]
    well_formed = all(equals for _, equals, _ in items) and len(timestamps) == 1 and signatures
    if not well_formed or not _TIMESTAMP.fullmatch(timestamps[0]):
        raise InvalidSignatureError("malformed_header")
    return timestamps[0], signatures
