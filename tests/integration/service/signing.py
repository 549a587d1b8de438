"""What Schemathesis loads into its own process: made-up webhooks are signed as Stripe would sign them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from requests.auth import AuthBase
from schemathesis.auths import GLOBAL_AUTH_STORAGE

from service.event_types import WEBHOOK_PATH
from tests.integration.service.webhooks import sign

if TYPE_CHECKING:
    from requests import PreparedRequest


class StripeSignature(AuthBase):
    """Puts the right signature where there is any."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign the bytes as they will be sent. A webhook that is to have no signature keeps none."""
        if "Stripe-Signature" in request.headers:
            body = request.body or b""
            assert isinstance(body, str | bytes), "a body that is signed is sent in one piece"
            signed = body.encode() if isinstance(body, str) else body
            request.headers["Stripe-Signature"] = sign(signed, os.environ["STRIPE_WEBHOOK_SECRET"])
        return request


GLOBAL_AUTH_STORAGE.set_from_requests(StripeSignature()).apply_to(path=WEBHOOK_PATH)
