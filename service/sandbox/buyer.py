"""A user of an app: what its page and its backend do when somebody buys credits."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import httpx
from supabase.lib.client_options import SyncClientOptions

from service.sandbox.errors import SandboxError
from supabase import Client, create_client

if TYPE_CHECKING:
    from service.sandbox.stack import Stack

_TIMEOUT = 30.0


class Buyer:
    """Signs up with supabase-py, buys through the service, pays at the Stripe simulator. A context manager.

    Amounts and credits are Decimals, as the service wrote them. Every method raises `SandboxError` when it is
    refused, with what the other side said.
    """

    def __init__(self, stack: Stack) -> None:
        # A proxy named in the environment is for the outside world.
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        options = SyncClientOptions(httpx_client=self._http, auto_refresh_token=False)
        self._supabase: Client = create_client(
            stack.supabase.url, stack.supabase.publishable_key, options=options
        )
        self._stack = stack
        self._token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_up(self, email: str) -> str:
        """Become a user with this address; the user's id."""
        answer = self._supabase.auth.sign_up({"email": email, "password": secrets.token_urlsafe(16)})
        if answer.user is None or answer.session is None:
            raise SandboxError("Supabase asks for a confirmation of the e-mail address: see config.toml.")
        self._token = answer.session.access_token
        return answer.user.id

    def read_packages(self) -> list[dict[str, Any]]:
        """GET /api/stripe/credit-packages."""
        packages: list[dict[str, Any]] = self._call("GET", "credit-packages")
        return packages

    def create_payment_intent(self, package_id: str) -> dict[str, str]:
        """POST /api/stripe/create-payment-intent: {clientSecret, paymentIntentId}."""
        intent: dict[str, str] = self._call("POST", "create-payment-intent", {"creditPackageId": package_id})
        return intent

    def pay(self, intent: dict[str, str], payment_method: str) -> str:
        """Confirm the PaymentIntent as Stripe.js does, with what a page holds; the status it has then."""
        answer = self._http.post(
            f"{self._stack.simulator.url}/v1/payment_intents/{intent['paymentIntentId']}/confirm",
            data={
                "client_secret": intent["clientSecret"],
                "payment_method": payment_method,
                "return_url": "http://127.0.0.1:3000/paid",
            },
            headers={"Authorization": f"Bearer {self._stack.simulator.publishable_key}"},
        )
        document = json.loads(answer.text)
        if not answer.is_success:
            raise SandboxError(f"The payment failed: {document['error']['message']}")
        status: str = document["status"]
        return status

    def read_balance(self) -> tuple[Decimal, str]:
        """GET /api/stripe/balance: credits, and the currency."""
        balance = self._call("GET", "balance")
        return Decimal(balance["balance"]), balance["currency"]

    def read_history(self) -> list[dict[str, Any]]:
        """GET /api/stripe/payment-history."""
        history: list[dict[str, Any]] = self._call("GET", "payment-history")
        return history

    def has_credits(self) -> bool:
        """Whether the balance is above zero, read straight from Supabase as the user."""
        rows = self._supabase.table("credit_balance").select("balance").gt("balance", 0).execute().data
        return bool(rows)

    def read_ledger(self) -> list[dict[str, Any]]:
        """The user's ledger, oldest first, straight from Supabase: kind, amount, balance_after."""
        query = self._supabase.table("credit_ledger").select("kind", "amount::text", "balance_after::text")
        return [
            {**entry, "amount": Decimal(entry["amount"]), "balance_after": Decimal(entry["balance_after"])}
            for entry in query.order("id").execute().model_dump()["data"]
        ]

    def _call(self, method: str, endpoint: str, body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        answer = self._http.request(
            method,
            f"{self._stack.service_url}/api/stripe/{endpoint}",
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
        )
        document = json.loads(answer.text, parse_float=Decimal)
        if not document["success"]:
            raise SandboxError(f"{endpoint} answers {answer.status_code}: {document['error']}")
        return document["data"]
