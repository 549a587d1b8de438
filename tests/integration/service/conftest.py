"""What these tests share: users with tokens, the service as a page sees it, Stripe and the books."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.service.books import Books
from tests.integration.service.shop import Shop, StripeAccount, User, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.sandbox.stack import Stack


@pytest.fixture(scope="session")
def open_books(stack: Stack) -> Iterator[Books]:
    """One connection for all tests."""
    books = Books(stack.supabase.database_url)
    yield books
    books.close()


@pytest.fixture
def books(open_books: Books) -> Iterator[Books]:
    """The database. Afterwards nothing in it may be out of balance, and a test's packages are off sale."""
    try:
        yield open_books
        assert open_books.audit() == []
    finally:
        open_books.retire_test_packages()


@pytest.fixture(scope="session")
def seen_secrets() -> set[str]:
    """Tokens, client secrets and signatures that these tests have used; no log may hold one."""
    return set()


@pytest.fixture
def new_user(stack: Stack, books: Books, seen_secrets: set[str]) -> Callable[[], User]:
    """Sign in somebody new."""

    def make() -> User:
        user_id = uuid.uuid4()
        books.new_user(user_id)
        token = stack.supabase.sign_token(claims_of(stack, user_id))
        seen_secrets.add(token)
        return User(user_id, token)

    return make


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
