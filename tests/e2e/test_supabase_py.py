"""A Python app with supabase-py, synchronous and asynchronous: as its users, and as its backend."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from postgrest import APIError
from supabase.lib.client_options import AsyncClientOptions, SyncClientOptions

from supabase import Client, acreate_client, create_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from service.sandbox.stack import Stack
    from supabase import AsyncClient

    Connect = Callable[[str], Client]

PATIENCE: Final = 60
PAUSE: Final = 0.01
EXACT_LEDGER: Final = "user_id, kind, amount::text, balance_after::text, transaction_id, description"


def new_credentials() -> Any:  # noqa: ANN401 - a TypedDict of supabase-py for one of its methods, another for the next
    return {"email": f"{uuid.uuid4()}@example.com", "password": str(uuid.uuid4())}


def confirmation(stack: Stack, intent: Mapping[str, str]) -> dict[str, Any]:
    """The request that Stripe.js sends, with what a page holds."""
    return {
        "method": "POST",
        "url": f"{stack.simulator.url}/v1/payment_intents/{intent['paymentIntentId']}/confirm",
        "data": {
            "client_secret": intent["clientSecret"],
            "payment_method": "pm_card_visa",
            "return_url": "https://app.example.com/paid",
        },
        "headers": {"Authorization": f"Bearer {stack.simulator.publishable_key}"},
    }


def exact(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    """The data of a success, its numbers as they were written."""
    document = json.loads(answer.text, parse_float=Decimal)
    assert answer.status_code == 200, document
    assert document.keys() == {"success", "data"}
    assert document["success"] is True
    return document["data"]


@pytest.fixture(name="http")
def make_http_client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.fixture(name="connect")
def make_connect(stack: Stack, http: httpx.Client) -> Connect:
    """Connect to Supabase with a key, each time as somebody else."""

    def connect(key: str) -> Client:
        options = SyncClientOptions(httpx_client=http, auto_refresh_token=False)
        return create_client(stack.supabase.url, key, options)

    return connect


def test_the_synchronous_client_buys_credits(stack: Stack, http: httpx.Client, connect: Connect) -> None:
    supabase = connect(stack.supabase.publishable_key)
    credentials = new_credentials()
    supabase.auth.sign_up(credentials)
    supabase.auth.sign_out()
    session = supabase.auth.sign_in_with_password(credentials).session
    assert session is not None
    bearer = {"Authorization": f"Bearer {session.access_token}"}
    service = f"{stack.service_url}/api/stripe"

    [package] = (
        supabase.table("credit_packages")
        .select("*")
        .eq("name", "Small Package")
        .execute()
        .model_dump()["data"]
    )
    order = {"creditPackageId": package["id"]}
    intent = exact(http.post(f"{service}/create-payment-intent", json=order, headers=bearer))
    assert http.request(**confirmation(stack, intent)).json()["status"] == "succeeded"
    paid = supabase.table("credit_transactions").select("*").eq("status", "succeeded")
    deadline = time.monotonic() + PATIENCE
    while not (found := paid.execute().model_dump()["data"]):
        assert time.monotonic() < deadline
        time.sleep(PAUSE)

    [purchase] = found
    assert (purchase["user_id"], purchase["package_id"]) == (session.user.id, package["id"])
    assert purchase["stripe_payment_intent_id"] == intent["paymentIntentId"]
    assert supabase.table("credit_balance").select("user_id, balance::text, currency").execute().data == [
        {"user_id": session.user.id, "balance": "5.00", "currency": "usd"}
    ]
    assert supabase.table("credit_ledger").select(EXACT_LEDGER).execute().data == [
        {
            "user_id": session.user.id,
            "kind": "purchase",
            "amount": "5.00",
            "balance_after": "5.00",
            "transaction_id": purchase["id"],
            "description": "Small Package purchase",
        }
    ]
    assert exact(http.get(f"{service}/balance", headers=bearer)) == {
        "balance": Decimal("5.00"),
        "currency": "usd",
    }
    [payment] = exact(http.get(f"{service}/payment-history", headers=bearer))
    assert payment["id"] == purchase["id"]

    stranger = connect(stack.supabase.publishable_key)
    stranger.auth.sign_up(new_credentials())
    for view in ("credit_transactions", "credit_ledger"):
        assert stranger.table(view).select("*").eq("user_id", session.user.id).execute().data == []


async def test_the_asynchronous_client_buys_credits(stack: Stack) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        supabase = await connect_async(stack, http)
        credentials = new_credentials()
        await supabase.auth.sign_up(credentials)
        await supabase.auth.sign_out()
        session = (await supabase.auth.sign_in_with_password(credentials)).session
        assert session is not None
        bearer = {"Authorization": f"Bearer {session.access_token}"}
        service = f"{stack.service_url}/api/stripe"

        packages = exact(await http.get(f"{service}/credit-packages", headers=bearer))
        order = {"creditPackageId": packages[2]["id"]}
        intent = exact(await http.post(f"{service}/create-payment-intent", json=order, headers=bearer))
        confirmed = await http.request(**confirmation(stack, intent))
        assert confirmed.json()["status"] == "succeeded"
        credited = supabase.table("credit_balance").select("balance::text, currency").gt("balance", 0)
        async with asyncio.timeout(PATIENCE):
            while not (balance := (await credited.execute()).data):  # noqa: ASYNC110 - a read tells, no event
                await asyncio.sleep(PAUSE)

        assert balance == [{"balance": "50.00", "currency": "usd"}]
        ledger = (
            await supabase.table("credit_ledger").select("kind, amount::text, balance_after::text").execute()
        )
        assert ledger.data == [{"kind": "purchase", "amount": "50.00", "balance_after": "50.00"}]
        history = exact(await http.get(f"{service}/payment-history", headers=bearer))
        assert [(each["creditAmount"], each["status"]) for each in history] == [
            (Decimal("50.00"), "succeeded")
        ]

        stranger = await connect_async(stack, http)
        await stranger.auth.sign_up(new_credentials())
        for view in ("credit_transactions", "credit_ledger"):
            seen = await stranger.table(view).select("*").eq("user_id", session.user.id).execute()
            assert seen.data == []


async def connect_async(stack: Stack, http: httpx.AsyncClient) -> AsyncClient:
    options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
    return await acreate_client(stack.supabase.url, stack.supabase.publishable_key, options)


def test_numbers_are_written_alike_by_the_contract_and_the_views(
    stack: Stack, http: httpx.Client, connect: Connect
) -> None:
    session = connect(stack.supabase.publishable_key).auth.sign_up(new_credentials()).session
    assert session is not None
    backend = connect(stack.supabase.secret_key)
    for number, amount in enumerate(("25.5", "0.000001")):
        grant = {
            "user_id": session.user.id,
            "amount": amount,
            "reason": "Gift",
            "idempotency_key": str(number),
        }
        backend.rpc("grant_credits", grant).execute()
    headers = {
        "Authorization": f"Bearer {session.access_token}",
        "apikey": stack.supabase.publishable_key,
        "Accept": "application/vnd.pgrst.object+json",
    }
    view = http.get(f"{stack.supabase.url}/rest/v1/credit_balance?select=balance,currency", headers=headers)
    contract = http.get(f"{stack.service_url}/api/stripe/balance", headers=headers)
    assert view.text == '{"balance":25.500001,"currency":"usd"}'
    assert contract.text == f'{{"success":true,"data":{view.text}}}'


def test_a_backend_grants_credits_once_for_one_key(stack: Stack, connect: Connect) -> None:
    user = connect(stack.supabase.publishable_key)
    session = user.auth.sign_up(new_credentials()).session
    assert session is not None
    backend = connect(stack.supabase.secret_key)
    grant = {"user_id": session.user.id, "amount": 2.5, "reason": "Welcome", "idempotency_key": "welcome"}
    first, again = (backend.rpc("grant_credits", grant).execute().model_dump()["data"] for _ in range(2))
    assert (first["balance"], first["created"], again["created"]) == (2.5, True, False)
    assert again["entry_id"] == first["entry_id"]
    with pytest.raises(APIError) as refused:
        backend.rpc("grant_credits", grant | {"amount": 3}).execute()
    assert (refused.value.code, refused.value.details) == ("PT409", "idempotency_key_reused")
    with pytest.raises(APIError) as denied:
        user.rpc("grant_credits", grant | {"idempotency_key": "mine"}).execute()
    assert denied.value.code == "42501"
    assert user.table("credit_ledger").select("kind, amount, description").execute().data == [
        {"kind": "grant", "amount": 2.5, "description": "Welcome"}
    ]
