"""A shop on the running image: a local Supabase and Stripe, one buyer, and what Stripe would send."""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from service.sandbox.simulator import LocalStripe
from service.sandbox.supabase import LocalSupabase
from tests.image.container import Container


@dataclass(frozen=True)
class Shop:
    """The container under test and its surroundings; `token` is the access token of a user who signed up."""

    container: Container
    supabase: LocalSupabase
    stripe: LocalStripe
    webhook_secret: str
    http: httpx.Client = field(repr=False)
    token: str = field(repr=False)

    def call(self, method: str, endpoint: str, body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """The `data` of an answer of the service to the user."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.request(
            method, f"{self.container.url}/api/stripe/{endpoint}", json=body, headers=headers
        )
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)["data"]

    def order(self) -> dict[str, Any]:
        """Open a purchase of the first package; the PaymentIntent as Stripe has it."""
        package = self.call("GET", "credit-packages")[0]
        intent = self.call("POST", "create-payment-intent", {"creditPackageId": package["id"]})
        return self.at_stripe("GET", f"payment_intents/{intent['paymentIntentId']}")

    def balance(self) -> Decimal:
        """The user's credits, straight from Supabase: it answers when the service is gone, too."""
        headers = {"apikey": self.supabase.publishable_key, "Authorization": f"Bearer {self.token}"}
        answer = self.http.get(f"{self.supabase.url}/rest/v1/credit_balance?select=balance", headers=headers)
        assert answer.status_code == 200, answer.text
        return Decimal(json.loads(answer.text, parse_float=Decimal)[0]["balance"])

    def at_stripe(self, method: str, path: str, **form: str) -> dict[str, Any]:
        """A call of Stripe's API with the secret key."""
        headers = {"Authorization": f"Bearer {self.stripe.secret_key}"}
        answer = self.http.request(method, f"{self.stripe.url}/v1/{path}", data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def webhook(self, intent: dict[str, Any]) -> tuple[bytes, str]:
        """What Stripe sends once `intent` has been paid: the body, and its Stripe-Signature."""
        paid = intent | {"status": "succeeded", "amount_received": intent["amount"]}
        now = int(time.time())
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": now,
            "livemode": False,
            "data": {"object": paid},
        }
        body = json.dumps(event).encode()
        mac = hmac.new(self.webhook_secret.encode(), f"{now}.".encode() + body, hashlib.sha256)
        return body, f"t={now},v1={mac.hexdigest()}"


def sign_up(http: httpx.Client, supabase: LocalSupabase) -> str:
    """The access token of a new user."""
    credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": secrets.token_urlsafe(16)}
    headers = {"apikey": supabase.publishable_key}
    answer = http.post(f"{supabase.url}/auth/v1/signup", json=credentials, headers=headers)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token
