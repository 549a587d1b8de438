"""The handle of a running simulator: its address and keys, and the world's part in the play."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_MARGIN = 30.0


@dataclass(frozen=True)
class LocalStripe:
    """A running simulator.

    Attributes:
        url: Where the API is, for `STRIPE_API_BASE` and the SDK's `base_addresses`.
        secret_key: The key for servers.
        publishable_key: The key for pages.
        stripe_js_url: The script for pages.
    """

    url: str
    secret_key: str
    publishable_key: str
    stripe_js_url: str
    _http: httpx.Client = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the client for `/_simulator`."""
        client = httpx.Client(base_url=f"{self.url}/_simulator", timeout=_MARGIN, trust_env=False)
        object.__setattr__(self, "_http", client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def wait_until_idle(self, timeout: float = 60.0) -> None:
        """Wait until every webhook has arrived and nothing planned is left to happen.

        Raises:
            TimeoutError: Something was still pending after `timeout` seconds.
        """
        response = self._http.get("/idle", params={"timeout": timeout}, timeout=timeout + _MARGIN)
        answer = response.raise_for_status().json()
        if not answer["idle"]:
            raise TimeoutError(f"{answer['pending']} webhooks or transitions were pending after {timeout} s")

    def deliveries(self, **filters: str) -> list[Object]:
        """Webhook deliveries with their attempts; `event`, `endpoint` and `state` filter them."""
        response = self._http.get("/deliveries", params=filters)
        found: list[Object] = response.raise_for_status().json()["data"]
        return found

    def redeliver(self, event_id: str) -> None:
        """Send an event once more."""
        self._post(f"/events/{event_id}/redeliver")

    def pause_deliveries(self) -> None:
        """Let webhooks pile up."""
        self._post("/deliveries/pause")

    def resume_deliveries(self) -> None:
        """Let the webhooks that piled up go."""
        self._post("/deliveries/resume")

    def set_chaos(self, **knobs: float) -> None:
        """Set `seed`, `drop`, `duplicate`, `double_event`, `shuffle`, `delay`; those left out are zero."""
        self._post("/chaos", knobs)

    def add_fault(
        self, kind: Literal["refuse", "crash", "lose_answer", "slow"], **details: str | float
    ) -> None:
        """Let coming requests fail; `status`, `method`, `path`, `times`, `seconds` say which and how."""
        self._post("/faults", {"kind": kind, **details})

    def faults(self) -> list[Object]:
        """The failures that are still to come."""
        waiting: list[Object] = self._http.get("/faults").raise_for_status().json()
        return waiting

    def clear_faults(self) -> None:
        """Let no more requests fail, and the slow ones go on."""
        self._http.delete("/faults").raise_for_status()

    def authenticate(self, payment_intent_id: str, outcome: Literal["succeed", "fail"] = "succeed") -> Object:
        """Be the customer in front of a 3-D Secure challenge; the PaymentIntent after it."""
        return self._post(f"/payment_intents/{payment_intent_id}/authenticate", {"outcome": outcome})

    def settle(self) -> None:
        """Let bank debits settle and refunds end now."""
        self._post("/settle")

    def dispute(self, charge_id: str, **details: str | int | bool) -> Object:
        """Be the bank that disputes a charge; `reason`, `amount`, `inquiry` say how. The dispute."""
        return self._post(f"/charges/{charge_id}/dispute", details)

    def resolve_dispute(
        self, dispute_id: str, outcome: Literal["win", "lose", "close_inquiry", "escalate"]
    ) -> Object:
        """Be the bank that decides about a dispute. The dispute."""
        return self._post(f"/disputes/{dispute_id}", {"outcome": outcome})

    def move_refund(
        self, refund_id: str, status: Literal["succeeded", "failed", "requires_action"]
    ) -> Object:
        """Be the bank that reports about a refund. The refund."""
        return self._post(f"/refunds/{refund_id}", {"status": status})

    def roll_secret(self, endpoint_id: str, expires_in: float = 0.0) -> str:
        """Make a new signing secret; the old one signs too for `expires_in` seconds."""
        secret: str = self._post(f"/webhook_endpoints/{endpoint_id}/roll_secret", {"expires_in": expires_in})[
            "secret"
        ]
        return secret

    def _post(self, path: str, body: Any = None) -> Object:  # noqa: ANN401 - any JSON
        response = self._http.post(path, json=body)
        if response.is_error:
            raise ValueError(f"{path}: {response.json()['error']['message']}")
        answer: Object = response.json()
        return answer
