"""At debug level the log tells what happened to each request, and holds no secret of anybody."""

from __future__ import annotations

import re
import socket
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.service.copies import another_service
from tests.integration.service.forgeries import ATTACKS, Attacker, hs256
from tests.integration.service.outages import without_postgrest
from tests.integration.service.shop import BUY, MEDIUM, User
from tests.integration.service.waiting import PATIENCE, eventually
from tests.integration.service.webhooks import deliver, encode, post, sign, succeeded
from tests.log_lines import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

LEGACY_SECRET = "the-legacy-jwt-secret-of-this-project"
OTHER_SECRET = "whsec_fedcba9876543210fedcba9876543210"
OTHER_STRIPE_KEY = "sk_test_of_somebody_else_altogether"
WRONG_SUPABASE_KEY = "sb_secret_of_somebody_else_altogether"
PASSWORD = "correct-horse-battery-staple"


def lines_about(log: Path, request_id: str) -> list[dict[str, Any]]:
    """The lines of one request, once the last of them is there."""

    def read() -> list[dict[str, Any]]:
        lines = [line for line in read_log(log) if line.get("request_id") == request_id]
        return lines if any(line["event"] == "request" for line in lines) else []

    return eventually(read, f"the log tells of the request {request_id}")


def test_each_request_leaves_one_line_with_what_became_of_it(
    stack: Stack, shop: Shop, user: User, books: Books
) -> None:
    answer = shop.buy(user)
    [purchase] = books.purchases(user.id)
    [line] = lines_about(stack.service.log, answer.headers["x-request-id"])
    assert line.pop("duration_ms") > 0
    assert line.pop("timestamp")
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "transaction_id": str(purchase["id"]),
        "payment_intent_id": purchase["stripe_payment_intent_id"],
        "method": "POST",
        "path": BUY,
        "status": 200,
    }


def test_a_refused_token_leaves_in_the_log_what_the_client_is_not_told(
    stack: Stack, shop: Shop, attacker: Attacker
) -> None:
    for token, reason in (
        (attacker.signed(exp=1), "ExpiredSignatureError"),
        (attacker.signed(aud="anon"), "InvalidAudienceError"),
        (attacker.signed(role="service_role"), "wrong_role"),
        (hs256(attacker.claims(), b"x"), "unknown_key"),
    ):
        answer = shop.read("balance", User(attacker.user.id, token))
        [line] = lines_about(stack.service.log, answer.headers["x-request-id"])
        assert (line["status"], line["error"]) == (401, reason)


def test_a_webhook_leaves_its_event_and_outcome(
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount
) -> None:
    intent = stripe.get(f"payment_intents/{shop.order(user)['paymentIntentId']}")
    event = succeeded(intent)
    answer = deliver(shop, event)
    [line] = lines_about(stack.service.log, answer.headers["x-request-id"])
    assert (line["event_id"], line["event_type"], line["outcome"]) == (event["id"], event["type"], "applied")


def test_lines_about_a_purchase_and_its_webhook_name_the_same_purchase(
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount
) -> None:
    bought = shop.buy(user)
    intent = stripe.get(f"payment_intents/{bought.json()['data']['paymentIntentId']}")
    webhook = deliver(shop, succeeded(intent))
    [first] = lines_about(stack.service.log, bought.headers["x-request-id"])
    [second] = lines_about(stack.service.log, webhook.headers["x-request-id"])
    assert first["transaction_id"] == second["transaction_id"]
    assert first["payment_intent_id"] == intent["id"]


def test_line_about_an_outage_names_the_events_that_it_held_up(
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount
) -> None:
    event = succeeded(stripe.get(f"payment_intents/{shop.order(user)['paymentIntentId']}"))
    with without_postgrest(stack):
        assert deliver(shop, event).status_code == 503

    def held_up() -> list[dict[str, Any]]:
        return [line for line in read_log(stack.service.log) if event["id"] in line.get("event_ids", [])]

    [line, *_] = eventually(held_up, "the log tells which events were held up")
    assert line["event"] in {"supabase is unreachable", "supabase failed"}
    assert deliver(shop, event).status_code == 200


@pytest.mark.parametrize("path", [BUY, "/api/stripe/webhook"])
def test_a_client_that_hangs_up_in_the_middle_of_its_body_leaves_one_quiet_line(
    stack: Stack, user: User, path: str
) -> None:
    request_id = uuid.uuid4().hex
    head = (
        f"POST {path} HTTP/1.1\r\nhost: topup\r\nx-request-id: {request_id}\r\n"
        f"authorization: Bearer {user.token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
    )
    host, _, port = stack.service_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(f"{head}{{".encode())
    [line] = lines_about(stack.service.log, request_id)
    assert (line["level"], line["event"], line["path"]) == ("info", "request", path)
    assert (line["status"], line["error"]) == (400, "client_hung_up")


@pytest.fixture
def attacker(stack: Stack, user: User, public_key: dict[str, str]) -> Attacker:
    return Attacker(stack, user, public_key)


@pytest.fixture
def everything_that_happens(
    stack: Stack, shop: Shop, attacker: Attacker, stripe: StripeAccount, seen_secrets: set[str]
) -> set[str]:
    """Every path through the service, failures above all; the secrets that passed through it."""
    user = attacker.user
    forged = [attack.forge(attacker) for attack in ATTACKS[::4]]
    forged.append(hs256(attacker.claims(), LEGACY_SECRET.encode()))
    order = shop.order(user, MEDIUM, key=f"key-{uuid.uuid4()}", method="pm_card_visa")
    event = succeeded(stripe.get(f"payment_intents/{order['paymentIntentId']}"))
    body = encode(event)
    signatures = [
        sign(body, shop.webhook_secret),
        sign(body, OTHER_SECRET),
        sign(body, shop.webhook_secret, at=1),
    ]

    for endpoint in ("balance", "payment-history", "credit-packages"):
        shop.read(endpoint, user)
    for token in forged:
        shop.read("balance", User(user.id, token))
        shop.http.get(f"/api/stripe/{token}", params={"access_token": token}, headers={"Cookie": token})
        shop.http.get("/health/live", headers={"X-Request-ID": token[:128], "apikey": token})
    for signature in signatures:
        post(shop, body, signature)
        post(shop, body, signature, signature)
    shop.http.post(BUY, headers=user.headers, json={"password": PASSWORD, "creditPackageId": PASSWORD})
    shop.http.post(BUY, headers=user.headers, json={PASSWORD: 1})
    shop.http.post(BUY, headers=user.headers, content=f'{{"{PASSWORD}'.encode())
    shop.http.get("/api/stripe/balance", auth=("ada", PASSWORD))
    for status in (401, 402, 429, 500):
        stripe.simulator.add_fault("refuse", method="POST", path="/v1/payment_intents", status=status)
        shop.buy(user, method="pm_card_visa")
    stripe.simulator.add_fault("lose_answer", method="POST", path="/v1/payment_intents")
    shop.buy(user)
    shop.buy(user, method="pm_nothing")
    with without_postgrest(stack):
        shop.buy(user)
        shop.read("balance", user)
        post(shop, body, signatures[0])
        shop.http.get("/health/ready")
    changes = {
        "STRIPE_SECRET_KEY": OTHER_STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": OTHER_SECRET,
        "SUPABASE_SECRET_KEY": WRONG_SUPABASE_KEY,
        "SUPABASE_JWT_SECRET": LEGACY_SECRET,
    }
    with another_service(stack, **changes) as copy:
        assert copy.shop.buy(user).status_code == 500
        assert copy.shop.buy(User(user.id, forged[-1])).status_code == 500
        post(copy.shop, body, signatures[1])

    secrets = {
        *seen_secrets,
        *forged,
        *(signature.rpartition("=")[2] for signature in signatures),
        order["clientSecret"],
        user.token,
        PASSWORD,
        LEGACY_SECRET,
        OTHER_SECRET,
        OTHER_STRIPE_KEY,
        WRONG_SUPABASE_KEY,
        stack.webhook_secret,
        stack.stripe.secret_key,
        stack.supabase.secret_key,
    }
    return secrets - {stack.supabase.publishable_key}


def test_no_secret_is_in_the_log(stack: Stack, everything_that_happens: set[str]) -> None:
    assert stack.environment["TOPUP_LOG_LEVEL"] == "debug"
    log = stack.service.log.read_text()
    assert '"level":"debug"' in log
    # The parts of a token would be as bad as the whole.
    parts = {part for secret in everything_that_happens for part in secret.split(".") if len(part) >= 16}
    assert len(parts) > 20
    assert [secret for secret in everything_that_happens | parts if secret in log] == []
    shapes = r"eyJ[\w-]{10}|whsec_\w|sb_secret_\w|[sr]k_(test|live)_\w|_secret_\w|Bearer (?!\[redacted\])"
    assert re.findall(shapes, log) == []
