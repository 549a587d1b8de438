"""What became of webhooks, counted in the text format of Prometheus, for who holds the metrics token.

Counters start at 0 with the process; one process counts what it served. The route exists only where
TOPUP_METRICS_TOKEN is set.
"""

import hmac
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest

from service.errors import NotAuthenticatedError

_REASONED: Final = {"ignored", "mismatch"}


class Metrics:
    """The counters of one process, and the token that reads them."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()
        self._registry = CollectorRegistry()
        self._webhook_events = Counter(
            "topup_webhook_events",
            "Webhooks by what became of them: applied, duplicate, ignored, mismatch, failed or refused",
            ["outcome", "reason"],
            registry=self._registry,
        )

    def count_webhook(self, outcome: str, reason: str | None) -> None:
        """Count one webhook. The reason is kept where it is one of few words, not an error's text."""
        self._webhook_events.labels(outcome, (outcome in _REASONED and reason) or "").inc()

    def read(self, authorization: str) -> bytes:
        """All counters, or `NotAuthenticatedError` without the token."""
        if not hmac.compare_digest(authorization.encode(), self._expected):
            raise NotAuthenticatedError("metrics_token")
        return generate_latest(self._registry)


@get("/metrics", include_in_schema=False)
async def get_metrics(request: Request[Any, Any, Any], metrics: NamedDependency[Metrics]) -> Response[bytes]:
    """Give the counters to a scraper that sends the token as a bearer token."""
    content = metrics.read(request.headers.get("authorization", ""))
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})
