"""PostgREST as anybody with a key and perhaps a token reaches it, through the gateway."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import httpx

from tests.integration.service.waiting import PATIENCE

if TYPE_CHECKING:
    from service.sandbox.stack import Stack

VIEWS: Final = ("credit_packages", "credit_transactions", "credit_balance", "credit_lots", "credit_ledger")
"""What a signed-in user may read."""

PRIVATE_VIEWS: Final = ("credit_events",)
"""What only the service role may read."""

TABLES: Final = (
    "accounts",
    "disputes",
    "holds",
    "ledger_entries",
    "lots",
    "packages",
    "refunds",
    "settings",
    "stripe_customers",
    "stripe_events",
    "transactions",
)
"""The private tables."""

# Loading the certificates is most of what making a client takes.
_TLS = ssl.create_default_context()


class PostgREST:
    """Calls of the REST API with one identity."""

    def __init__(self, stack: Stack, key: str, token: str | None = None) -> None:
        headers = {"apikey": key} if token is None else {"apikey": key, "Authorization": f"Bearer {token}"}
        url = f"{stack.supabase.url}/rest/v1"
        self.http = httpx.Client(
            base_url=url, headers=headers, timeout=PATIENCE, trust_env=False, verify=_TLS
        )

    def __enter__(self) -> httpx.Client:
        return self.http

    def __exit__(self, *_: object) -> None:
        self.http.close()
