from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stripe import StripeClient, WebhookEndpoint

    from service.sandbox.simulator import LocalStripe
    from tests.integration.simulator.receiver import Receiver

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew


def create(client: StripeClient, count: int) -> list[str]:
    """PaymentIntents, so that many events; their ids in order."""
    return [client.v1.payment_intents.create({"amount": 1000, "currency": "usd"}).id for _ in range(count)]


def arrivals(receiver: Receiver) -> list[str]:
    """The PaymentIntents in the order in which their webhooks came."""
    return [event["data"]["object"]["id"] for event in receiver.events()]


def test_dropped_webhooks_never_come_but_are_listed(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    simulator.set_chaos(seed=7, drop=0.5)
    made = create(client, 40)
    simulator.wait_until_idle()
    came = set(arrivals(receiver))
    dropped = simulator.deliveries(endpoint=endpoint.id, state="dropped")
    assert 5 < len(came) < 35
    assert len(dropped) == 40 - len(came)
    listed = client.v1.events.list({"limit": 40, "type": "payment_intent.created"}).data
    assert [event.data.object["id"] for event in listed] == made[::-1]
    undelivered = client.v1.events.list({"limit": 100, "delivery_success": False}).data
    assert {event.id for event in undelivered} >= {delivery["event"] for delivery in dropped}


def test_the_same_seed_does_the_same_to_the_nth_event(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.id
    fates = []
    for seed in (3, 3, 4):
        receiver.requests.clear()
        simulator.set_chaos(seed=seed, drop=0.4, duplicate=0.4)
        made = create(client, 30)
        simulator.wait_until_idle()
        counted = Counter(arrivals(receiver))
        fates.append([counted[intent] for intent in made])
    assert fates[0] == fates[1] != fates[2]
    assert set(fates[0]) == {0, 1, 2}


def test_doubled_webhooks_come_twice_with_one_id(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.id
    simulator.set_chaos(duplicate=1)
    create(client, 3)
    simulator.wait_until_idle()
    assert sorted(Counter(event["id"] for event in receiver.events()).values()) == [2, 2, 2]


def test_one_change_can_be_told_by_two_events(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.id
    simulator.set_chaos(double_event=1)
    [intent] = create(client, 1)
    simulator.wait_until_idle()
    first, second = receiver.events()
    assert first["id"] != second["id"]
    assert first["data"] == second["data"]
    assert first["data"]["object"]["id"] == intent


def test_shuffled_webhooks_all_come_in_another_order(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.id
    simulator.set_chaos(seed=1, shuffle=20)
    made = create(client, 45)
    simulator.wait_until_idle()
    came = arrivals(receiver)
    assert sorted(came) == sorted(made)
    assert came != made


def test_late_webhooks_all_come(
    client: StripeClient, simulator: LocalStripe, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    assert endpoint.id
    simulator.set_chaos(seed=1, delay=0.5)
    made = create(client, 20)
    simulator.wait_until_idle()
    assert sorted(arrivals(receiver)) == sorted(made)


@pytest.mark.parametrize("knobs", [{"drop": 1.5}, {"shuffle": -1}, {"delay": -1.0}, {"mayhem": 1.0}])
def test_knobs_that_make_no_sense_are_refused(simulator: LocalStripe, knobs: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="/chaos"):
        simulator.set_chaos(**knobs)
