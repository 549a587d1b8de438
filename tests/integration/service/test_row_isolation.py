"""A signed-in user reads their own rows and nobody else's, however PostgREST is asked."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.service.postgrest import PRIVATE_VIEWS, TABLES, VIEWS, PostgREST
from tests.integration.service.shop import MEDIUM, User, claims_of
from tests.integration.service.waiting import at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount

OWN_VIEWS = [view for view in VIEWS if view != "credit_packages"]


@dataclass(frozen=True)
class Victim:
    """Somebody with a purchase, and all by which it could be recognised."""

    user: User
    marks: tuple[str, ...]


@pytest.fixture(scope="module")
def victim(stack: Stack, open_books: Books, shop: Shop, open_account: StripeAccount) -> Victim:
    user_id = uuid.uuid4()
    open_books.new_user(user_id)
    user = User(user_id, stack.supabase.sign_token(claims_of(stack, user_id)))
    order = shop.order(user, MEDIUM)
    open_account.pay(order)
    open_account.wait_for_webhooks()
    purchase = open_books.purchase(order["paymentIntentId"])
    assert open_books.balance(user_id) == 15
    return Victim(user, (str(user_id), str(purchase["id"]), order["paymentIntentId"]))


@pytest.fixture(scope="module")
def mallory(stack: Stack, open_books: Books) -> User:
    user_id = uuid.uuid4()
    open_books.new_user(user_id)
    return User(user_id, stack.supabase.sign_token(claims_of(stack, user_id)))


@pytest.fixture(scope="module")
def rest(stack: Stack, mallory: User) -> Iterator[httpx.Client]:
    """PostgREST with the token of somebody who has bought nothing."""
    with PostgREST(stack, stack.supabase.publishable_key, mallory.token) as http:
        yield http


def assert_nothing_of(victim: Victim, answer: httpx.Response) -> None:
    # Content-Location repeats the question.
    told = answer.text + answer.headers.get("content-range", "")
    assert not [mark for mark in victim.marks if mark in told]


@pytest.mark.parametrize("view", OWN_VIEWS)
def test_the_victims_own_token_finds_the_rows_that_nobody_else_may_find(
    stack: Stack, victim: Victim, view: str
) -> None:
    with PostgREST(stack, stack.supabase.publishable_key, victim.user.token) as rest:
        [row] = rest.get(f"/{view}").json()
    assert row["user_id"] == str(victim.user.id)


@pytest.mark.parametrize("view", OWN_VIEWS)
@pytest.mark.parametrize(
    "query",
    [
        "",
        "select=*",
        "select=user_id",
        "user_id=eq.{victim}",
        "user_id=neq.{mallory}",
        "user_id=in.({victim},{mallory})",
        "user_id=not.is.null",
        "user_id=gte.00000000-0000-0000-0000-000000000000",
        "user_id=not.eq.{mallory}",
        "or=(user_id.eq.{victim},user_id.eq.{mallory})",
        "or=(user_id.not.is.null,user_id.is.null)",
        "not.and=(user_id.eq.{mallory})",
        "and=(or(user_id.eq.{victim}),user_id.not.eq.{mallory})",
        "order=user_id.desc&limit=1000",
        "offset=0&limit=100000",
        "select=u:user_id::text",
        "user_id=eq.{victim}&user_id=eq.{mallory}",
    ],
)
def test_no_filter_finds_the_rows_of_another_user(
    rest: httpx.Client, victim: Victim, mallory: User, view: str, query: str
) -> None:
    written = query.format(victim=victim.user.id, mallory=mallory.id)
    answer = rest.get(f"/{view}?{written}")
    assert answer.is_success, answer.text
    assert_nothing_of(victim, answer)
    assert {row.get("user_id", row.get("u")) for row in answer.json()} <= {str(mallory.id)}


@pytest.mark.parametrize(
    "path",
    [
        "credit_packages?select=*,credit_transactions(*)",
        "credit_packages?select=*,credit_transactions!inner(user_id)",
        "credit_packages?select=*,...credit_transactions(user_id)",
        "credit_packages?select=*,transactions(*)",
        "credit_transactions?select=*,credit_ledger(*)",
        "credit_transactions?select=*,credit_balance(*)",
        "credit_transactions?select=*,credit_events(*)",
        "credit_ledger?select=*,credit_transactions(*)",
        "credit_ledger?select=*,transaction:transaction_id(*)",
        "credit_ledger?select=*,user:user_id(*)",
        "credit_balance?select=*,credit_ledger(*),credit_transactions(*)",
        "credit_balance?select=*,users(*)",
        "credit_packages?select=id,credit_transactions(count)",
        "credit_packages?credit_transactions.user_id=eq.{victim}&select=*,credit_transactions(*)",
    ],
)
def test_no_embedding_reaches_the_rows_of_another_user(rest: httpx.Client, victim: Victim, path: str) -> None:
    answer = rest.get(f"/{path.format(victim=victim.user.id)}")
    assert_nothing_of(victim, answer)
    if answer.is_success:
        embedded = [each for row in answer.json() for each in row.values() if isinstance(each, list)]
        assert all(each in ([], [{"count": 0}]) for each in embedded)


@pytest.mark.parametrize("view", OWN_VIEWS)
@pytest.mark.parametrize("kind", ["exact", "planned", "estimated"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_count_counts_the_rows_of_another_user(
    rest: httpx.Client, victim: Victim, view: str, kind: str, method: str
) -> None:
    query = f"/{view}?user_id=eq.{victim.user.id}"
    answer = rest.request(method, query, headers={"Prefer": f"count={kind}"})
    assert answer.is_success
    if kind != "planned":  # a plan is a guess at what is not read
        assert answer.headers["content-range"] == "*/0"
    assert_nothing_of(victim, answer)


@pytest.mark.parametrize("view", OWN_VIEWS)
@pytest.mark.parametrize(
    "select", ["count()", "id.count()", "amount.sum()", "balance.max()", "user_id.max()"]
)
def test_no_aggregate_takes_in_the_rows_of_another_user(
    rest: httpx.Client, victim: Victim, view: str, select: str
) -> None:
    answer = rest.get(f"/{view}", params={"select": select, "user_id": f"eq.{victim.user.id}"})
    if answer.is_success:
        assert all(not value for row in answer.json() for value in row.values())


@pytest.mark.parametrize("view", OWN_VIEWS)
@pytest.mark.parametrize(
    "accept",
    [
        "text/csv",
        "application/vnd.pgrst.object+json",
        "application/vnd.pgrst.plan+json",
        "application/vnd.pgrst.plan+text; options=analyze|verbose",
        "application/geo+json",
        "*/*",
    ],
)
def test_no_format_shows_the_rows_of_another_user(
    rest: httpx.Client, victim: Victim, view: str, accept: str
) -> None:
    answer = rest.get(f"/{view}?order=user_id", headers={"Accept": accept})
    assert_nothing_of(victim, answer)
    assert "plan" not in accept or not answer.is_success


@pytest.mark.parametrize(
    "headers",
    [
        {"Role": "service_role"},
        {"X-Client-Info": "supabase", "X-User-Id": "{victim}"},
        {"request.jwt.claims": '{{"sub": "{victim}", "role": "service_role"}}'},
        {"Prefer": "params=single-object, tx=rollback, missing=default"},
        {"Prefer": "handling=strict, timezone=UTC, max-affected=1"},
        {"Range-Unit": "items", "Range": "0-99999"},
        {"Cookie": "role=service_role; sub={victim}"},
    ],
)
@pytest.mark.parametrize("view", OWN_VIEWS)
def test_no_header_makes_somebody_else_of_the_caller(
    rest: httpx.Client, victim: Victim, view: str, headers: dict[str, str]
) -> None:
    written = {name: value.format(victim=victim.user.id) for name, value in headers.items()}
    answer = rest.get(f"/{view}", headers=written)
    assert_nothing_of(victim, answer)


@pytest.mark.parametrize("profile", ["credits", "auth", "pg_catalog", "information_schema"])
@pytest.mark.parametrize("relation", [*TABLES, "users", "pg_stat_activity"])
def test_a_private_schema_cannot_be_chosen(
    stack: Stack, rest: httpx.Client, victim: Victim, profile: str, relation: str
) -> None:
    with PostgREST(stack, stack.supabase.secret_key) as service_role:
        for http in (rest, service_role):
            answer = http.get(f"/{relation}", headers={"Accept-Profile": profile})
            assert answer.is_client_error
            assert_nothing_of(victim, answer)
            answer = http.post(f"/{relation}", headers={"Content-Profile": profile}, json={})
            assert answer.is_client_error


@pytest.mark.parametrize("relation", [*TABLES, *(f"credits.{table}" for table in TABLES), *PRIVATE_VIEWS])
def test_what_is_private_is_not_there_for_a_user(rest: httpx.Client, relation: str) -> None:
    answer = rest.get(f"/{relation}")
    assert answer.is_client_error
    assert not isinstance(answer.json(), list)


@pytest.mark.parametrize("view", [*VIEWS, *PRIVATE_VIEWS])
def test_nobody_reads_anything_without_signing_in(stack: Stack, victim: Victim, view: str) -> None:
    key = stack.supabase.publishable_key
    anon_token = stack.supabase.sign_token(claims_of(stack, victim.user.id, role="anon"))
    for token in (None, key, anon_token):
        with PostgREST(stack, key, token) as anon:
            for method in ("GET", "HEAD"):
                answer = anon.request(method, f"/{view}", headers={"Prefer": "count=exact"})
                assert answer.status_code in {401, 403}
                assert_nothing_of(victim, answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None},
        {"sub": ""},
        {"sub": "null"},
        {"sub": None, "user_id": "{victim}"},
        {"sub": ["{victim}"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("view", OWN_VIEWS)
def test_a_signed_token_without_a_user_reads_no_row(
    stack: Stack, victim: Victim, view: str, changes: dict[str, Any]
) -> None:
    """`auth.uid()` is null then, or no UUID."""
    written = json.loads(json.dumps(changes).replace("{victim}", str(victim.user.id)))
    claims = {
        **claims_of(stack, None),
        **{name: value for name, value in written.items() if value is not None},
    }
    token = stack.supabase.sign_token(claims)
    with PostgREST(stack, stack.supabase.publishable_key, token) as rest:
        answer = rest.get(f"/{view}")
    assert not answer.is_success or answer.json() == []
    assert_nothing_of(victim, answer)


def test_the_service_too_shows_each_user_their_own_rows_alone(
    shop: Shop, victim: Victim, mallory: User
) -> None:
    for query in ("", f"?user_id=eq.{victim.user.id}", f"?or=(user_id.eq.{victim.user.id})&select=*"):
        history = shop.http.get(f"/api/stripe/payment-history{query}", headers=mallory.headers)
        balance = shop.http.get(f"/api/stripe/balance{query}", headers=mallory.headers)
        assert history.json() == {"success": True, "data": []}
        assert balance.json() == {"success": True, "data": {"balance": 0, "currency": "usd"}}


def test_users_who_read_at_the_same_time_are_never_mixed_up(
    shop: Shop, new_user: Callable[[], User], books: Books
) -> None:
    users = [new_user() for _ in range(8)]
    for credits_of, user in enumerate(users, start=1):
        books.rows(
            "select * from public.grant_credits(%s, %s, 'Welcome', %s)", user.id, credits_of, str(user.id)
        )

    def read(number: int) -> tuple[int, float]:
        balance: float = shop.read("balance", users[number % 8]).json()["data"]["balance"]
        return number % 8 + 1, balance

    assert all(expected == balance for expected, balance in at_once(40, read))
