"""What is no valid access token of this project is 401, and nobody is told why."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.service.copies import another_service
from tests.integration.service.forgeries import ATTACKS, Attack, Attacker, hs256
from tests.integration.service.outages import without_postgrest
from tests.integration.service.shop import BUY, SMALL, User, claims_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.copies import Copy
    from tests.integration.service.shop import Shop

LEGACY_SECRET = "the-legacy-jwt-secret-of-this-project"

Headers = list[tuple[bytes, bytes]]


@pytest.fixture
def attacker(stack: Stack, user: User, public_key: dict[str, str]) -> Attacker:
    return Attacker(stack, user, public_key)


def ask(shop: Shop, headers: Headers) -> list[httpx.Response]:
    """The answers of an endpoint that reads and of the one that writes."""
    return [
        shop.http.get("/api/stripe/balance", headers=headers),
        shop.http.post(BUY, headers=headers, json={"creditPackageId": SMALL}),
    ]


def bearer(token: str) -> Headers:
    return [(b"authorization", b"Bearer " + token.encode("latin-1"))]


def assert_refused(answers: list[httpx.Response]) -> None:
    """401 each, in the same words, with nothing in the headers that would tell one from another."""
    for answer in answers:
        assert answer.status_code == 401
        assert answer.content == b'{"success":false,"error":"User not authenticated"}'
        assert {
            name: value for name, value in answer.headers.items() if name not in {"date", "x-request-id"}
        } == {
            "content-type": "application/json",
            "content-length": str(len(answer.content)),
            "www-authenticate": "Bearer",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        }


def test_the_good_token_that_all_forgeries_are_made_from_is_taken(shop: Shop, attacker: Attacker) -> None:
    assert [answer.status_code for answer in ask(shop, bearer(attacker.signed()))] == [200, 200]


def test_every_endpoint_for_users_asks_for_a_token_before_anything_else(shop: Shop) -> None:
    for endpoint in ("credit-packages", "payment-history", "balance"):
        assert_refused([shop.http.get(f"/api/stripe/{endpoint}")])
    for order in (b"", b"{", b'{"amount": 1}', b" " * 100_000):
        assert_refused([shop.http.post(BUY, content=order)])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_forged_token_is_refused(shop: Shop, attacker: Attacker, books: Books, attack: Attack) -> None:
    assert_refused(ask(shop, bearer(attack.forge(attacker))))
    assert books.purchases(attacker.user.id) == []


GOOD = b"Bearer {token}"


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"Bearer"],
        [b"Bearer null"],
        [b"Bearer undefined"],
        [b"{token}"],
        [b"Basic {token}"],
        [b"Token {token}"],
        [b"Bearer{token}"],
        [b"Bearer\t{token}"],
        [b"Bearer,{token}"],
        [b'Bearer "{token}"'],
        [b"Bearer {token}, Bearer {token}"],
        [b"Bearer {token} {token}"],
        [b"Bearer Bearer {token}"],
        [b"Bearer {token}=="],
        [b"Bearer {token}!"],
        [b"Bearer {token}."],
        [b"Bearer .{token}"],
        [b"Bearer \xff\xfe\x80"],
        [b"Bearer \xc3\xa9.\xf0\x9f\x94\x91.\xe2\x80\xae"],
        [b"Bearer %00%0d%0a"],
        [b"Bearer " + b"." * 9000],
        [b"Bearer " + b"A" * 30_000],
        [b"Bearer eyJhbGciOiJub25lIn0.." + b"A" * 5000],
        [b"Bearer W10.W10.W10"],
        [b"Bearer bnVsbA.bnVsbA.bnVsbA"],
        [GOOD, GOOD],
        [GOOD, b"Bearer x"],
        [b"Basic x", GOOD],
    ],
    ids=lambda values: b" + ".join(values)[:40].decode("latin-1").encode("unicode_escape").decode() or "none",
)
def test_what_is_not_one_bearer_token_is_refused(shop: Shop, user: User, values: list[bytes]) -> None:
    written = [value.replace(b"{token}", user.token.encode()) for value in values]
    assert_refused(ask(shop, [(b"authorization", value) for value in written]))


def test_a_token_anywhere_but_in_the_authorization_header_is_not_looked_for(shop: Shop, user: User) -> None:
    for query, headers in (
        ({"access_token": user.token, "token": user.token, "apikey": user.token}, {}),
        ({}, {"Cookie": f"sb-access-token={user.token}; Authorization=Bearer {user.token}"}),
        ({}, {"apikey": user.token, "X-Authorization": f"Bearer {user.token}"}),
    ):
        answer = shop.http.get("/api/stripe/balance", params=query, headers=headers)
        assert_refused([answer])
        # The client keeps nothing for the next round.
        shop.http.cookies.clear()


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b" ", b"401"),
        (b"Bearer ", b"401"),
        (b"Bearer \0", b"400"),
        (b"Bearer a\rb", b"400"),
        (b"Bearer a\n b", b"400"),
        (b"Bearer \x01\x7f", b"400"),
    ],
)
def test_a_header_that_no_client_would_send_is_refused_in_the_envelope(
    stack: Stack, value: bytes, status: bytes
) -> None:
    url = httpx.URL(stack.service_url)
    with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
        connection.sendall(
            b"GET /api/stripe/balance HTTP/1.1\r\nhost: topup\r\nconnection: close\r\n"
            b"authorization: " + value + b"\r\n\r\n"
        )
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert body.startswith(b'{"success":false,"error":"')


def test_no_forged_token_reaches_the_database(stack: Stack, shop: Shop, attacker: Attacker) -> None:
    """While it is away the good token is told so, and a forged one what it is always told."""
    with without_postgrest(stack):
        good = ask(shop, bearer(attacker.signed()))
        assert [answer.status_code for answer in good] == [503, 503]
        for attack in ATTACKS:
            assert_refused(ask(shop, bearer(attack.forge(attacker))))


def test_a_user_who_was_deleted_may_not_buy(shop: Shop, user: User, books: Books) -> None:
    books.execute("delete from auth.users where id = %s", user.id)
    answer = shop.buy(user)
    assert answer.status_code == 403
    assert answer.json() == {"success": False, "error": "User not authorized for action"}


def test_a_user_who_never_was_may_not_buy(shop: Shop, stack: Stack) -> None:
    stranger = uuid.uuid4()
    user = User(stranger, stack.supabase.sign_token(claims_of(stack, stranger)))
    assert shop.buy(user).status_code == 403


@pytest.fixture(scope="module")
def legacy(stack: Stack) -> Iterator[Copy]:
    """A service that takes HS256 tokens too."""
    with another_service(stack, SUPABASE_JWT_SECRET=LEGACY_SECRET) as copy:
        yield copy


def test_hs256_is_taken_where_its_secret_is_set_and_nowhere_else(
    legacy: Copy, shop: Shop, attacker: Attacker
) -> None:
    token = hs256(attacker.claims(), LEGACY_SECRET.encode())
    legacy.shop.order(User(attacker.user.id, token))
    assert_refused(ask(shop, bearer(token)))


def test_where_hs256_is_taken_forgeries_are_refused_all_the_same(legacy: Copy, attacker: Attacker) -> None:
    for attack in ATTACKS:
        assert_refused(ask(legacy.shop, bearer(attack.forge(attacker))))
    for secret in (LEGACY_SECRET[:-1], LEGACY_SECRET.upper(), ""):
        assert_refused(ask(legacy.shop, bearer(hs256(attacker.claims(), secret.encode()))))
    right = LEGACY_SECRET.encode()
    for changes in ({"aud": "anon"}, {"role": "service_role"}, {"exp": 1}, {"sub": None}, {"iss": None}):
        assert_refused(ask(legacy.shop, bearer(hs256(attacker.claims(**changes), right))))
