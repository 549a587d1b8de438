from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from tests.integration.simulator.payments import RETURN_URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.sandbox.simulator import LocalStripe

# The SDK hands its form to httpx in a way that httpx would rather not see.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def aclient(simulator: LocalStripe) -> AsyncIterator[sdk.StripeClient]:
    transport = sdk.HTTPXClient(timeout=60)
    yield sdk.StripeClient(simulator.secret_key, base_addresses={"api": simulator.url}, http_client=transport)
    await transport.close_async()  # type: ignore[no-untyped-call]  # the SDK's own gap


async def test_the_async_sdk_buys_refunds_and_reads_back(aclient: sdk.StripeClient) -> None:
    v1 = aclient.v1
    customer = await v1.customers.create_async({"email": "jenny@example.com"})
    intent = await v1.payment_intents.create_async(
        {"amount": 1000, "currency": "usd", "customer": customer.id}
    )
    paid = await v1.payment_intents.confirm_async(
        intent.id,
        {"payment_method": "pm_card_visa", "return_url": RETURN_URL, "expand": ["latest_charge", "customer"]},
    )
    assert isinstance(paid.latest_charge, sdk.Charge)
    assert isinstance(paid.customer, sdk.Customer)
    refund = await v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    events = await v1.events.list_async({"limit": 3})
    assert events.data[0].type == "charge.refunded"
    assert len([event async for event in events.auto_paging_iter()]) > 3
    with pytest.raises(sdk.CardError):
        await v1.payment_intents.create_async(
            {
                "amount": 1000,
                "currency": "usd",
                "confirm": True,
                "payment_method": "pm_card_chargeDeclined",
                "return_url": RETURN_URL,
            }
        )


async def test_a_lost_answer_is_retried_by_the_async_sdk(simulator: LocalStripe) -> None:
    transport = sdk.HTTPXClient(timeout=60)
    client = sdk.StripeClient(
        simulator.secret_key,
        base_addresses={"api": simulator.url},
        http_client=transport,
        max_network_retries=2,
    )
    simulator.add_fault("lose_answer", path="/v1/customers")
    customer = await client.v1.customers.create_async({"email": "lost@example.com"})
    found = await client.v1.customers.list_async({"email": "lost@example.com"})
    assert [each.id for each in found.data] == [customer.id]
    await transport.close_async()  # type: ignore[no-untyped-call]  # the SDK's own gap


async def test_concurrent_purchases_do_not_mix(aclient: sdk.StripeClient) -> None:
    async def buy(amount: int) -> tuple[int, int]:
        intent = await aclient.v1.payment_intents.create_async(
            {
                "amount": amount,
                "currency": "usd",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "return_url": RETURN_URL,
                "expand": ["latest_charge"],
            }
        )
        assert isinstance(intent.latest_charge, sdk.Charge)
        return intent.amount_received, intent.latest_charge.amount

    amounts = list(range(100, 150))
    assert await asyncio.gather(*map(buy, amounts)) == [(amount, amount) for amount in amounts]
