"""Nobody writes through PostgREST, and no client calls a function: credits come from webhooks alone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.service.forgeries import FORGERIES, Attack, Attacker
from tests.integration.service.postgrest import PRIVATE_VIEWS, VIEWS, PostgREST
from tests.integration.service.shop import MEDIUM, SMALL
from tests.integration.service.webhooks import succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User


@pytest.fixture
def event(shop: Shop, user: User, stripe: StripeAccount) -> dict[str, Any]:
    """The event that would credit the user's purchase, in the form that the service hands to Postgres."""
    intent = stripe.get(f"payment_intents/{shop.order(user, MEDIUM)['paymentIntentId']}")
    stripe.wait_for_webhooks()
    paid = succeeded(intent)
    return {
        **{name: paid[name] for name in ("id", "type", "created", "livemode")},
        "object": paid["data"]["object"],
    }


@pytest.fixture(params=["anon", "anon with its key as a token", "user"])
def client(request: pytest.FixtureRequest, stack: Stack, user: User) -> Iterator[httpx.Client]:
    """Everybody who is not the app's own backend."""
    key = stack.supabase.publishable_key
    token = {"anon": None, "anon with its key as a token": key, "user": user.token}[request.param]
    with PostgREST(stack, key, token) as http:
        yield http


@pytest.fixture
def calls(books: Books, user: User, event: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every function that only the service role may execute, with arguments of the right names and types."""
    values: dict[str, Any] = {
        "uuid": str(user.id),
        "uuid[]": [str(user.id)],
        "text": "x",
        "text[]": ["x"],
        "boolean": False,
        "integer": 1,
        "numeric": 1,
        "jsonb": [event],
        "bigint": 1,
        "interval": "1 minute",
        "timestamp with time zone": "2026-01-01T00:00:00Z",
    }
    functions = books.rows(
        "select proname, proargnames[:pronargs] as names, "
        "array(select format_type(each, null) from unnest(proargtypes) as each) as types "
        "from pg_proc where pronamespace = 'public'::regnamespace "
        "and has_function_privilege('service_role', oid, 'execute') "
        "and not has_function_privilege('authenticated', oid, 'execute')"
    )
    return {
        each["proname"]: {
            name: values[kind] for name, kind in zip(each["names"] or [], each["types"], strict=True)
        }
        for each in functions
    }


def test_no_client_calls_a_function(
    client: httpx.Client, user: User, calls: dict[str, dict[str, Any]], event: dict[str, Any], books: Books
) -> None:
    """A client that tells the database of its own payment is the oldest hole of all."""
    assert {"record_stripe_events", "grant_credits", "open_credit_purchase"} <= calls.keys()
    before = books.purchases(user.id)
    for function, arguments in calls.items():
        # 404 would mean that the arguments are wrong, and prove nothing.
        assert client.post(f"/rpc/{function}", json=arguments).status_code in {401, 403}, function
        assert client.get(f"/rpc/{function}").is_client_error, function
    assert books.event(event["id"]) is None
    assert books.entries(user.id) == []
    assert books.purchases(user.id) == before


def test_the_same_call_by_the_service_role_is_the_one_that_credits(
    stack: Stack, user: User, event: dict[str, Any], books: Books
) -> None:
    with PostgREST(stack, stack.supabase.secret_key) as service_role:
        answer = service_role.post("/rpc/record_stripe_events", json={"events": [event]})
    assert [each["outcome"] for each in answer.json()] == ["applied"]
    assert books.entries(user.id) == [("purchase", 15)]


@pytest.mark.parametrize(
    "function",
    [
        "post_entry",
        "post_spend",
        "open_lots",
        "draw",
        "settle",
        "apply_event",
        "receive_events",
        "lock_account",
        "tie_payment_intent",
        "lapse",
        "fail",
    ],
)
def test_no_private_function_can_be_called(client: httpx.Client, stack: Stack, function: str) -> None:
    with PostgREST(stack, stack.supabase.secret_key) as service_role:
        for http in (client, service_role):
            for headers in ({}, {"Content-Profile": "credits"}):
                assert http.post(f"/rpc/{function}", json={}, headers=headers).is_client_error
                assert http.post(f"/rpc/credits.{function}", json={}, headers=headers).is_client_error


@pytest.mark.parametrize("attack", FORGERIES, ids=lambda attack: attack.name)
def test_no_forged_token_calls_a_function(
    stack: Stack, user: User, books: Books, public_key: dict[str, str], attack: Attack
) -> None:
    attacker = Attacker(stack, user, public_key)
    with PostgREST(stack, stack.supabase.publishable_key, attack.forge(attacker)) as http:
        answer = http.post(
            "/rpc/grant_credits",
            json={"user_id": str(user.id), "amount": 1, "reason": "x", "idempotency_key": "x"},
        )
    assert answer.status_code == 401
    assert books.entries(user.id) == []


@pytest.fixture
def rows(books: Books, user: User) -> Callable[[], object]:
    """All that a write could have changed."""

    def read() -> object:
        return [
            books.purchases(user.id),
            books.entries(user.id),
            books.balance(user.id),
            books.rows("select id, name, amount_minor, credits, is_active from credits.packages order by id"),
            books.value("select count(*) from credits.accounts"),
        ]

    return read


@pytest.mark.parametrize("view", [*VIEWS, *PRIVATE_VIEWS])
@pytest.mark.parametrize("role", ["anon", "user", "service_role"])
def test_no_view_can_be_written(  # noqa: PLR0913, PLR0917 - fixtures
    stack: Stack, shop: Shop, user: User, rows: Callable[[], object], view: str, role: str
) -> None:
    """Not even with the secret key: the functions are the only way."""
    shop.order(user)
    before = rows()
    key = stack.supabase.secret_key if role == "service_role" else stack.supabase.publishable_key
    wanted: dict[str, dict[str, Any]] = {
        "credit_packages": {"name": "Free", "amount": 0.01, "credits": 1000, "is_active": True},
        "credit_transactions": {"user_id": str(user.id), "status": "succeeded", "credits": 1000},
        "credit_balance": {"user_id": str(user.id), "balance": 1000},
        "credit_lots": {"user_id": str(user.id), "id": 1, "remaining": 1000},
        "credit_ledger": {"user_id": str(user.id), "kind": "grant", "amount": 1000},
        "credit_events": {"id": "evt_x", "type": "x", "outcome": "applied"},
    }
    row = wanted[view]
    condition = {"credit_packages": f"id=eq.{SMALL}", "credit_events": "id=eq.evt_x"}.get(
        view, f"user_id=eq.{user.id}"
    )
    with PostgREST(stack, key, user.token if role == "user" else None) as http:
        for answer in (
            http.post(f"/{view}", json=row),
            http.post(f"/{view}", json=row, headers={"Prefer": "resolution=merge-duplicates"}),
            http.post(f"/{view}", json=row, headers={"Prefer": "return=representation, tx=commit"}),
            http.post(f"/{view}", json=[row, row]),
            http.post(f"/{view}", content="user_id,balance\n", headers={"Content-Type": "text/csv"}),
            http.put(f"/{view}?id=eq.{uuid.uuid4()}", json={**row, "id": str(uuid.uuid4())}),
            http.patch(f"/{view}?{condition}", json=row),
            http.patch(f"/{view}", json=row),
            http.delete(f"/{view}?{condition}"),
            http.delete(f"/{view}"),
        ):
            assert answer.is_error, answer.request
    assert rows() == before
