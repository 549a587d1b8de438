"""A user in front of an app's page, and Stripe behind it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import httpx

from tests.integration.service.waiting import PATIENCE

if TYPE_CHECKING:
    from uuid import UUID

    from service.sandbox.simulator import LocalStripe
    from service.sandbox.stack import Stack

SMALL, MEDIUM, LARGE = (f"5ca1ab1e-0000-4000-8000-0000000000{price}" for price in ("05", "15", "50"))
"""The packages of the seed: 5.00, 15.00 and 50.00 usd, credits equal to the price."""

BUY = "/api/stripe/create-payment-intent"


@dataclass(frozen=True)
class User:
    """Somebody who is signed in."""

    id: UUID
    token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What a page sends along."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Unpaid:
    """A purchase of 15 credits for 15.00 usd that is still open: whose, and its PaymentIntent."""

    user: User
    intent: dict[str, Any]


def claims_of(stack: Stack, user_id: UUID | None, **changes: Any) -> dict[str, Any]:
    """The claims of a user's access token, some of them replaced; None takes a claim out."""
    now = int(time.time())
    claims = {
        "sub": None if user_id is None else str(user_id),
        "aud": "authenticated",
        "role": "authenticated",
        "iss": f"{stack.supabase.url}/auth/v1",
        "iat": now,
        "exp": now + 3600,
        "aal": "aal1",
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


class Shop:
    """Calls the service as a page does."""

    def __init__(self, url: str, webhook_secret: str) -> None:
        self.webhook_secret = webhook_secret
        # A proxy named in the environment is for the outside world.
        self.http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def read(self, endpoint: str, user: User) -> httpx.Response:
        """GET one of the endpoints of the contract."""
        return self.http.get(f"/api/stripe/{endpoint}", headers=user.headers)

    def buy(
        self, user: User, package: str = SMALL, *, key: str | None = None, method: str | None = None
    ) -> httpx.Response:
        """POST create-payment-intent, with an Idempotency-Key and a paymentMethodId where given."""
        body = {"creditPackageId": package, **({} if method is None else {"paymentMethodId": method})}
        headers = user.headers if key is None else {**user.headers, "Idempotency-Key": key}
        return self.http.post(BUY, json=body, headers=headers)

    def order(
        self, user: User, package: str = SMALL, *, key: str | None = None, method: str | None = None
    ) -> dict[str, str]:
        """Buy, and have it work: {clientSecret, paymentIntentId}."""
        answer = self.buy(user, package, key=key, method=method)
        assert answer.status_code == 200, answer.text
        data: dict[str, str] = answer.json()["data"]
        return data


class StripeAccount:
    """The account behind the service, over the simulator's own API."""

    def __init__(self, simulator: LocalStripe) -> None:
        self.simulator = simulator
        self._server = self._client(simulator.secret_key)
        self._browser = self._client(simulator.publishable_key)

    def _client(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.simulator.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._server.close()
        self._browser.close()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET below /v1."""
        return self._answer(self._server.get(f"/v1/{path}", params=params))

    def post(self, path: str, **params: Any) -> dict[str, Any]:
        """POST below /v1, with form parameters."""
        return self._answer(self._server.post(f"/v1/{path}", data=params))

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE below /v1."""
        return self._answer(self._server.delete(f"/v1/{path}"))

    def _answer(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def pay(self, intent: dict[str, str], method: str = "pm_card_visa") -> str:
        """Confirm as Stripe.js does, with what a page holds; the status, or Stripe's error code."""
        answer = self._browser.post(
            f"/v1/payment_intents/{intent['paymentIntentId']}/confirm",
            data={
                "client_secret": intent["clientSecret"],
                "payment_method": method,
                "return_url": "https://app.example.com/paid",
            },
        ).json()
        outcome: str = answer["error"]["code"] if "error" in answer else answer["status"]
        return outcome

    def resolve_dispute(
        self, dispute_id: str, outcome: Literal["win", "lose", "close_inquiry", "escalate"]
    ) -> None:
        """Be the bank that decides, and wait until everybody knows."""
        self.simulator.resolve_dispute(dispute_id, outcome)
        self.wait_for_webhooks()

    def wait_for_webhooks(self) -> None:
        """Wait until every webhook was taken, and nothing else is left to happen."""
        self.simulator.wait_until_idle()

    def customers_of(self, user_id: UUID) -> list[str]:
        """The ids of the customers that carry a user in their metadata."""
        return [each["id"] for each in self._search("customers", user_id)]

    def intents_of(self, user_id: UUID) -> list[dict[str, Any]]:
        """The PaymentIntents that carry a user in their metadata."""
        return self._search("payment_intents", user_id)

    def _search(self, kind: str, user_id: UUID) -> list[dict[str, Any]]:
        query = f"metadata['user_id']:'{user_id}'"
        found: list[dict[str, Any]] = self.get(f"{kind}/search", query=query, limit=100)["data"]
        return found

    def events_about(self, object_id: str) -> list[dict[str, Any]]:
        """The events about an object that something happened to just now, newest first."""
        listed = self.get("events", limit=20)["data"]
        return [each for each in listed if each["data"]["object"]["id"] == object_id]
