"""What the simulator's tests share: one running simulator, the SDK pointed at it, a webhook receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe as sdk

from service.sandbox.simulator import LocalStripe, start_simulator
from tests.integration.simulator.receiver import PATIENCE, Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stripe import StripeClient, WebhookEndpoint


@pytest.fixture(scope="session")
def running() -> Iterator[LocalStripe]:
    # Bank debits and refunds settle when a test says so, never by a clock.
    with start_simulator(settle_after=3600) as local:
        yield local


@pytest.fixture
def simulator(running: LocalStripe) -> Iterator[LocalStripe]:
    """The running simulator, without chaos, faults or a pause left behind."""
    yield running
    running.settle()
    running.set_chaos()
    running.clear_faults()
    running.resume_deliveries()


@pytest.fixture
def client(simulator: LocalStripe, monkeypatch: pytest.MonkeyPatch) -> StripeClient:
    monkeypatch.setattr(sdk, "enable_telemetry", False)
    return make_client(simulator)


def make_client(simulator: LocalStripe, *, retries: int = 0) -> StripeClient:
    return sdk.StripeClient(
        simulator.secret_key, base_addresses={"api": simulator.url}, max_network_retries=retries
    )


def call_with(simulator: LocalStripe, key: str) -> httpx.Client:
    """The bare API with one of its keys."""
    return httpx.Client(
        base_url=simulator.url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=PATIENCE,
        trust_env=False,
    )


@pytest.fixture
def http(simulator: LocalStripe) -> Iterator[httpx.Client]:
    """The bare API with the secret key."""
    with call_with(simulator, simulator.secret_key) as http:
        yield http


@pytest.fixture
def browser(simulator: LocalStripe) -> Iterator[httpx.Client]:
    """The bare API with the publishable key."""
    with call_with(simulator, simulator.publishable_key) as http:
        yield http


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def endpoint(client: StripeClient, receiver: Receiver) -> Iterator[WebhookEndpoint]:
    """A webhook endpoint for all events, at the receiver."""
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    yield made
    client.v1.webhook_endpoints.delete(made.id)


@pytest.fixture
def new_endpoint(client: StripeClient) -> Iterator[Callable[..., WebhookEndpoint]]:
    """Makes webhook endpoints for some events only, and removes them after the test."""
    made: list[str] = []

    def make(url: str, *events: str) -> WebhookEndpoint:
        params: Any = {"url": url, "enabled_events": list(events)}
        endpoint = client.v1.webhook_endpoints.create(params)
        made.append(endpoint.id)
        return endpoint

    yield make
    for endpoint_id in made:
        client.v1.webhook_endpoints.delete(endpoint_id)
