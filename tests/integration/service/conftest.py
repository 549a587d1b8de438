"""What these tests share: users with tokens, the service as a page sees it, Stripe and the books."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.service.books import Books
from tests.integration.service.shop import MEDIUM, Shop, StripeAccount, Unpaid, User, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.sandbox.stack import Stack


@pytest.fixture(scope="session")
def open_books(stack: Stack) -> Iterator[Books]:
    """One connection for all tests."""
    books = Books(stack.supabase.database_url)
    yield books
    books.close()


@pytest.fixture(scope="module")
def audited_books(open_books: Books) -> Iterator[Books]:
    """The database, which adds up when a file's tests are through."""
    yield open_books
    assert open_books.audit() == []


@pytest.fixture
def books(audited_books: Books) -> Iterator[Books]:
    """The database; a test's packages go off sale after it."""
    yield audited_books
    audited_books.retire_test_packages()


@pytest.fixture(scope="session")
def seen_secrets() -> set[str]:
    """Tokens, client secrets and signatures that these tests have used; no log may hold one."""
    return set()


def sign_in(stack: Stack, books: Books, seen_secrets: set[str]) -> User:
    """Somebody new, with an access token."""
    user_id = uuid.uuid4()
    books.new_user(user_id)
    token = stack.supabase.sign_token(claims_of(stack, user_id))
    seen_secrets.add(token)
    return User(user_id, token)


@pytest.fixture
def new_user(stack: Stack, books: Books, seen_secrets: set[str]) -> Callable[[], User]:
    """Sign in as many as a test needs."""
    return lambda: sign_in(stack, books, seen_secrets)


@pytest.fixture
def user(new_user: Callable[[], User]) -> User:
    """Somebody who has bought nothing yet."""
    return new_user()


@pytest.fixture(scope="session")
def shop(stack: Stack) -> Iterator[Shop]:
    """The stack's own service."""
    shop = Shop(stack.service_url, stack.webhook_secret)
    yield shop
    shop.close()


@pytest.fixture(scope="session")
def open_account(stack: Stack) -> Iterator[StripeAccount]:
    """The Stripe account behind the service."""
    account = StripeAccount(stack.simulator)
    yield account
    account.close()


@pytest.fixture
def stripe(open_account: StripeAccount) -> Iterator[StripeAccount]:
    """The Stripe account, without a fault, a pause or chaos left behind."""
    yield open_account
    open_account.simulator.set_chaos()
    open_account.simulator.clear_faults()
    open_account.simulator.resume_deliveries()
    # What is still on its way would come in the middle of the next test.
    open_account.wait_for_webhooks()


@pytest.fixture(scope="module")
def unpaid(
    stack: Stack, open_books: Books, shop: Shop, open_account: StripeAccount, seen_secrets: set[str]
) -> Unpaid:
    """One purchase for all tests of a file that try in vain to have it credited."""
    user = sign_in(stack, open_books, seen_secrets)
    order = shop.order(user, MEDIUM)
    open_account.wait_for_webhooks()
    return Unpaid(user, open_account.get(f"payment_intents/{order['paymentIntentId']}"))


@pytest.fixture(scope="session")
def public_key(stack: Stack, shop: Shop) -> dict[str, str]:
    """The key that verifies the project's tokens, as the project publishes it."""
    [key] = shop.http.get(stack.supabase.jwks_url).json()["keys"]
    published: dict[str, str] = key
    return published
