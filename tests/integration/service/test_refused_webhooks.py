"""What Stripe has not signed, now, over exactly these bytes: 400, nothing stored, no call of the database."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.service.outages import without_postgrest
from tests.integration.service.shop import MEDIUM
from tests.integration.service.webhooks import encode, event_of, post, sign, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, Unpaid, User

OTHER_SECRET = "whsec_fedcba9876543210fedcba9876543210"


class Webhook(NamedTuple):
    """What is sent: the body, and the values of its Stripe-Signature headers."""

    body: bytes
    signatures: tuple[str | bytes, ...]


class Forger:
    """Has seen a genuine event and its signature, and knows no secret."""

    def __init__(self, event: dict[str, Any], secret: str) -> None:
        self.event = event
        self.body = encode(event)
        self.secret = secret
        self.genuine = sign(self.body, secret)
        self.hex = self.genuine.rpartition("=")[2]
        self.now = int(time.time())

    def at(self, timestamp: int) -> Webhook:
        """A webhook with a sound signature of another time."""
        return Webhook(self.body, (sign(self.body, self.secret, at=timestamp),))

    def stamped(self, timestamp: str) -> Webhook:
        """The genuine signature beside another timestamp."""
        return Webhook(self.body, (f"t={timestamp},v1={self.hex}",))

    def altered(self, body: bytes) -> Webhook:
        """Another body under the genuine signature."""
        assert body != self.body
        return Webhook(body, (self.genuine,))

    def headers(self, *values: str | bytes) -> Webhook:
        """The genuine body under other headers."""
        return Webhook(self.body, values)


ATTACKS: dict[str, Callable[[Forger], Webhook]] = {
    "body with another amount": lambda f: f.altered(f.body.replace(b"1500", b"1501")),
    "body with a flipped bit": lambda f: f.altered(bytes([*f.body[:-2], f.body[-2] ^ 1, f.body[-1]])),
    "body altered in whitespace alone": lambda f: f.altered(json.dumps(f.event).encode()),
    "body with a line feed at the end": lambda f: f.altered(f.body + b"\n"),
    "body with its keys in another order": lambda f: f.altered(encode(dict(reversed(f.event.items())))),
    "body with escapes in place of letters": lambda f: f.altered(f.body.replace(b"pi_", b"\\u0070i_")),
    "body cut short": lambda f: f.altered(f.body[: len(f.body) // 2]),
    "body twice": lambda f: f.altered(f.body * 2),
    "no body": lambda f: f.altered(b""),
    "body that is not UTF-8": lambda f: f.altered(f.body.replace(b"evt_", b"\xff\xfe")),
    "body in UTF-16": lambda f: f.altered(f.body.decode().encode("utf-16")),
    "another secret": lambda f: Webhook(f.body, (sign(f.body, OTHER_SECRET),)),
    "an empty secret": lambda f: Webhook(f.body, (sign(f.body, ""),)),
    "the secret without its prefix": lambda f: Webhook(f.body, (sign(f.body, f.secret[len("whsec_") :]),)),
    "a timestamp of an hour ago": lambda f: f.at(f.now - 3600),
    "a timestamp of six minutes ago": lambda f: f.at(f.now - 360),
    "a timestamp of 1970": lambda f: f.at(1),
    "a timestamp an hour ahead": lambda f: f.at(f.now + 3600),
    "a timestamp of the year 9999": lambda f: f.at(253_402_300_799),
    "the signature under a fresh timestamp": lambda f: f.stamped(str(f.now + 1)),
    "a timestamp of zero": lambda f: f.stamped("0"),
    "a negative timestamp": lambda f: f.stamped("-1"),
    "a timestamp that is no number": lambda f: f.stamped("now"),
    "a timestamp in milliseconds": lambda f: f.stamped(f"{f.now}000"),
    "an endless timestamp": lambda f: f.stamped("9" * 4000),
    "a timestamp in other digits": lambda f: f.headers(
        f.genuine.replace(f"t={f.now // 10}", "t=\uff11").encode()
    ),
    "no header": lambda f: f.headers(),
    "an empty header": lambda f: f.headers(""),
    "commas": lambda f: f.headers(",,,,"),
    "signs without names": lambda f: f.headers("=,=,="),
    "no timestamp": lambda f: f.headers(f"v1={f.hex}"),
    "two timestamps": lambda f: f.headers(f"t={f.now},{f.genuine}"),
    "no signature": lambda f: f.headers(f"t={f.now}"),
    "an empty signature": lambda f: f.headers(f"t={f.now},v1="),
    "a signature of another scheme alone": lambda f: f.headers(f.genuine.replace("v1=", "v0=")),
    "a signature in capitals": lambda f: f.headers(f.genuine.replace(f.hex, f.hex.upper())),
    "a signature cut short": lambda f: f.headers(f.genuine[:-1]),
    "a signature that goes on": lambda f: f.headers(f.genuine + "0"),
    "a signature that is no hex": lambda f: f.headers(f"t={f.now},v1=" + "z" * 64),
    "bytes that are not UTF-8": lambda f: f.headers(b"t=\xff\xfe,v1=\x80"),
    "bytes that are not ASCII beside the signature": lambda f: f.headers(
        f.genuine.encode() + b",v2=\xc3\xa9"
    ),
    "a header of 30 000 bytes": lambda f: f.headers("v1=" + "0" * 30_000),
    "a thousand signatures": lambda f: f.headers(f"t={f.now}" + f",v1={'0' * 64}" * 200),
    "two headers, both genuine": lambda f: f.headers(f.genuine, f.genuine),
    "two headers, one genuine": lambda f: f.headers(f.genuine, f"t={f.now},v1={'0' * 64}"),
    "two headers in one": lambda f: f.headers(f"{f.genuine},{f.genuine}"),
}
"""Each is to be refused in the same words."""


@pytest.fixture
def forger(shop: Shop, user: User, stripe: StripeAccount) -> Forger:
    """Before an event of the user's own."""
    intent = stripe.get(f"payment_intents/{shop.order(user, MEDIUM)['paymentIntentId']}")
    stripe.wait_for_webhooks()
    return Forger(succeeded(intent), shop.webhook_secret)


def assert_refused(shop: Shop, webhook: Webhook) -> None:
    answer = post(shop, webhook.body, *webhook.signatures)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == b'{"success":false,"error":"Invalid signature"}'


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_forged_webhook_is_refused_and_nothing_is_stored(
    shop: Shop, unpaid: Unpaid, books: Books, attack: Callable[[Forger], Webhook]
) -> None:
    forger = Forger(succeeded(unpaid.intent), shop.webhook_secret)
    assert_refused(shop, attack(forger))
    assert books.event(forger.event["id"]) is None
    assert books.entries(unpaid.user.id) == []


def test_the_webhook_that_all_forgeries_are_made_from_is_taken(
    shop: Shop, user: User, books: Books, forger: Forger
) -> None:
    assert post(shop, forger.body, forger.genuine).status_code == 200
    assert books.event(forger.event["id"]) == ("applied", None)
    assert books.entries(user.id) == [("purchase", 15)]


def test_a_webhook_that_was_seen_on_the_way_credits_nothing_when_it_is_replayed(
    shop: Shop, user: User, books: Books, forger: Forger
) -> None:
    for _ in range(3):
        assert post(shop, forger.body, forger.genuine).status_code == 200
    assert books.entries(user.id) == [("purchase", 15)]


def test_no_forged_webhook_reaches_the_database(
    stack: Stack, shop: Shop, books: Books, forger: Forger
) -> None:
    """While it is away the genuine webhook is told so, and a forged one what it is always told."""
    before = books.count_events()
    with without_postgrest(stack):
        assert post(shop, forger.body, forger.genuine).status_code == 503
        for attack in ATTACKS.values():
            assert_refused(shop, attack(forger))
    assert books.event(forger.event["id"]) is None
    assert books.count_events() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"evt_1"',
        b"{}",
        b'{"id": 1, "type": "charge.refunded"}',
        b'{"id": "", "type": "charge.refunded"}',
        b'{"id": "evt_1"}',
        b'{"type": "charge.refunded"}',
        b'{"id": "evt_\\u0000", "type": "charge.refunded"}',
        b'{"id": "evt_\xff", "type": "charge.refunded"}',
        b'{"id": "evt_\xed\xa0\x80", "type": "charge.refunded"}',
        b'{"id": "evt_1", "type": "charge.refunded"} x',
        b"[" * 500_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: body[:48].decode("latin-1").encode("unicode_escape").decode() or "empty",
)
def test_a_signed_body_that_is_no_event_is_refused(
    shop: Shop, stripe: StripeAccount, books: Books, body: bytes
) -> None:
    stripe.wait_for_webhooks()
    before = books.count_events()
    answer = post(shop, body, sign(body, shop.webhook_secret))
    assert answer.status_code == 400
    assert answer.json() == {"success": False, "error": "The body is not a Stripe event"}
    assert books.count_events() == before


def test_a_users_token_does_not_stand_for_a_signature(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    intent = stripe.get(f"payment_intents/{shop.order(user)['paymentIntentId']}")
    event = succeeded(intent)
    answer = shop.http.post("/api/stripe/webhook", content=encode(event), headers=user.headers)
    assert answer.status_code == 400
    assert books.event(event["id"]) is None


def test_a_genuine_webhook_needs_no_content_type_and_no_user(shop: Shop, books: Books) -> None:
    event = event_of({"id": f"cus_{uuid.uuid4().hex}", "object": "customer"}, "customer.created")
    body = encode(event)
    headers = {"Stripe-Signature": sign(body, shop.webhook_secret)}
    assert shop.http.post("/api/stripe/webhook", content=body, headers=headers).status_code == 200
    assert books.event(event["id"]) == ("ignored", "type")
