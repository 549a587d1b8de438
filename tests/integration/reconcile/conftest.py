"""What these tests share: a Stripe account of their own, purchases in it, and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from service.sandbox.simulator import LocalStripe, start_simulator
from tests.integration.reconcile.cashier import Cashier
from tests.integration.reconcile.turnstile import Turnstile
from tests.integration.service.books import Books
from tests.integration.service.shop import StripeAccount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.sandbox.stack import Stack


@pytest.fixture(scope="module")
def simulator() -> Iterator[LocalStripe]:
    """A Stripe account for one file of tests, where nothing settles before a test says so."""
    with start_simulator(settle_after=3600) as local:
        yield local


@pytest.fixture(scope="module")
def account(simulator: LocalStripe) -> Iterator[StripeAccount]:
    """The same, over its API."""
    account = StripeAccount(simulator)
    yield account
    account.close()


@pytest.fixture
def books(stack: Stack) -> Iterator[Books]:
    """The database, to which nobody else sends anything. Afterwards nothing in it may be out of balance."""
    stack.simulator.wait_until_idle()
    books = Books(stack.supabase.database_url)
    yield books
    assert books.audit() == []
    books.close()


@pytest.fixture
def cashier(books: Books, account: StripeAccount) -> Cashier:
    """Purchases whose webhooks never come, as the account has no endpoint."""
    return Cashier(books, account)


@pytest.fixture
def env(stack: Stack, simulator: LocalStripe) -> Iterator[Mapping[str, str]]:
    """The settings of a service with this account, for commands that run within this process."""
    logging = structlog.get_config()
    yield {
        **stack.environment,
        "STRIPE_API_BASE": simulator.url,
        "STRIPE_SECRET_KEY": simulator.secret_key,
    }
    structlog.configure(**logging)


@pytest.fixture
def turnstile(simulator: LocalStripe) -> Iterator[Turnstile]:
    """Something to stand between the command and Stripe."""
    with Turnstile(simulator.url).running() as turnstile:
        assert isinstance(turnstile, Turnstile)
        yield turnstile


@pytest.fixture
def env_behind(env: Mapping[str, str], turnstile: Turnstile) -> Mapping[str, str]:
    """The settings of a command that reaches Stripe through the turnstile alone."""
    return {**env, "STRIPE_API_BASE": turnstile.url}
