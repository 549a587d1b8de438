"""`topup doctor` against the running stack: all is well, then one fault at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
import stripe

from service.doctor.examination import examine
from service.doctor.findings import Finding, Level
from service.event_types import HANDLED_EVENT_TYPES, WEBHOOK_PATH
from service.sandbox.simulator import LocalStripe, start_simulator
from service.sandbox.stack import register_webhook_endpoint
from tests.listening import nowhere

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.sandbox.stack import Stack

URL = f"https://credits.example.com{WEBHOOK_PATH}"


class Account:
    """A Stripe account of its own, so that no other test's webhooks are disturbed."""

    def __init__(self, local: LocalStripe, http: httpx.Client) -> None:
        self.local = local
        self._http = http

    def settings(self, stack: Stack) -> dict[str, str]:
        """The stack's settings, with this account instead of the stack's."""
        return {
            **stack.environment,
            "STRIPE_API_BASE": self.local.url,
            "STRIPE_SECRET_KEY": self.local.secret_key,
        }

    def add_endpoint(self, **changes: Any) -> str:
        """Register a sound endpoint, or one with `changes`; its id."""
        sound = {"url": URL, "api_version": stripe.api_version, "enabled_events[]": HANDLED_EVENT_TYPES}
        fields = {name: value for name, value in (sound | changes).items() if value is not None}
        endpoint: str = self._http.post("/v1/webhook_endpoints", data=fields).raise_for_status().json()["id"]
        return endpoint

    def disable(self, endpoint: str) -> None:
        """Disable an endpoint."""
        self._http.post(f"/v1/webhook_endpoints/{endpoint}", data={"disabled": "true"}).raise_for_status()

    def clear(self) -> None:
        """Delete all endpoints."""
        for endpoint in self._http.get("/v1/webhook_endpoints").json()["data"]:
            self._http.delete(f"/v1/webhook_endpoints/{endpoint['id']}").raise_for_status()


@pytest.fixture(scope="module", name="simulator")
def make_simulator() -> Iterator[LocalStripe]:
    with start_simulator() as local:
        yield local


@pytest.fixture(name="account")
def make_account(simulator: LocalStripe) -> Iterator[Account]:
    authorization = {"Authorization": f"Bearer {simulator.secret_key}"}
    with httpx.Client(base_url=simulator.url, headers=authorization, trust_env=False, timeout=60) as http:
        account = Account(simulator, http)
        yield account
        account.clear()


@contextmanager
def changed(stack: Stack, change: str, undo: str) -> Iterator[None]:
    """Make a change in the database for the length of the block."""
    with psycopg.connect(stack.supabase.admin_database_url, autocommit=True) as connection:
        connection.execute(change.encode())
        try:
            yield
        finally:
            connection.execute(undo.encode())


async def ills(env: Mapping[str, str]) -> list[Finding]:
    return [finding for finding in await examine(env) if finding.level is not Level.OK]


async def the_ill(env: Mapping[str, str]) -> Finding:
    found = await ills(env)
    assert len(found) == 1, found
    assert found[0].fix
    return found[0]


async def test_sound_stack_has_nothing_to_fix(stack: Stack) -> None:
    findings = await examine(stack.environment)
    assert [finding for finding in findings if finding.level is not Level.OK] == []
    assert {finding.check for finding in findings} == {
        "mode",
        "TOPUP_CORS_ORIGINS",
        "Supabase",
        "JWKS",
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "packages",
        "clock, Supabase",
        "STRIPE_SECRET_KEY",
        "webhook endpoint",
        "clock, Stripe",
    }
    secrets = [value for name, value in stack.environment.items() if "SECRET" in name]
    assert not any(secret in str(findings) for secret in secrets)


async def test_unreachable_supabase_is_one_finding(stack: Stack) -> None:
    with nowhere() as url:
        ill = await the_ill({**stack.environment, "SUPABASE_URL": url})
    assert (ill.check, ill.level) == ("Supabase", Level.ERROR)


async def test_address_of_something_else_is_no_supabase(stack: Stack) -> None:
    found = await ills({**stack.environment, "SUPABASE_URL": stack.simulator.url})
    assert "JWKS" in {finding.check for finding in found}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_other"), ("SUPABASE_SECRET_KEY", "sb_secret_other")],
)
async def test_key_of_another_project_is_refused(stack: Stack, name: str, wrong: str) -> None:
    ill = await the_ill({**stack.environment, name: wrong})
    assert (ill.check, ill.level) == (name, Level.ERROR)
    assert "refused" in ill.message


async def test_publishable_key_that_may_call_the_functions_is_a_leak(stack: Stack) -> None:
    function = "function public.credit_schema_version()"
    with changed(stack, f"grant execute on {function} to anon", f"revoke execute on {function} from anon"):
        ill = await the_ill(stack.environment)
    assert (ill.check, ill.level) == ("SUPABASE_PUBLISHABLE_KEY", Level.ERROR)


async def test_old_schema_asks_for_its_migrations(stack: Stack) -> None:
    older = (
        "create or replace function public.credit_schema_version() returns integer "
        "language sql immutable set search_path = '' as 'select 0'"
    )
    with psycopg.connect(stack.supabase.database_url) as connection:
        row = connection.execute(
            "select pg_get_functiondef('public.credit_schema_version()'::regprocedure)"
        ).fetchone()
    assert row is not None
    with changed(stack, older, row[0]):
        ill = await the_ill(stack.environment)
    assert (ill.check, ill.level) == ("schema", Level.ERROR)
    assert ill.fix is not None
    assert "supabase db push --remote" in ill.fix


async def test_nothing_on_sale_is_an_error(stack: Stack) -> None:
    # The seed's packages alone: those that other tests have retired stay so.
    update = "update credits.packages set is_active = {} where id::text like '5ca1ab1e-%'"
    with changed(stack, update.format("false"), update.format("true")):
        ill = await the_ill(stack.environment)
    assert (ill.check, ill.level, ill.message) == ("packages", Level.ERROR, "none is on sale")


async def test_package_below_stripes_minimum_is_an_error(stack: Stack) -> None:
    update = "update credits.packages set amount_minor = {} where name = 'Small Package'"
    with changed(stack, update.format(49), update.format(500)):
        ill = await the_ill(stack.environment)
    assert (ill.check, ill.level) == ("packages", Level.ERROR)
    assert "Small Package (0.49 usd)" in ill.message


async def test_unknown_stripe_key_is_one_finding(stack: Stack) -> None:
    ill = await the_ill({**stack.environment, "STRIPE_SECRET_KEY": "sk_test_other"})
    assert (ill.check, ill.level) == ("STRIPE_SECRET_KEY", Level.ERROR)


async def test_unreachable_stripe_is_one_finding(stack: Stack) -> None:
    with nowhere() as url:
        ill = await the_ill({**stack.environment, "STRIPE_API_BASE": url})
    assert (ill.check, ill.level) == ("Stripe", Level.ERROR)


async def test_failing_stripe_is_told_in_its_words(stack: Stack, account: Account) -> None:
    account.local.add_fault("refuse", status=500, path="/v1/payment_intents")
    ill = await the_ill(account.settings(stack))
    assert (ill.check, ill.level) == ("Stripe", Level.ERROR)


@pytest.mark.parametrize(
    ("path", "check", "level"),
    [
        ("/v1/payment_intents", "STRIPE_SECRET_KEY", "error"),
        ("/v1/customers", "STRIPE_SECRET_KEY", "error"),
        ("/v1/webhook_endpoints", "webhook endpoint", "warning"),
    ],
)
async def test_restricted_key_without_a_permission_is_told_which(
    stack: Stack, account: Account, path: str, check: str, level: str
) -> None:
    account.add_endpoint()
    account.local.add_fault("refuse", status=403, path=path)
    ill = await the_ill(account.settings(stack))
    assert (ill.check, ill.level.value) == (check, level)


async def test_registered_endpoint_is_well(stack: Stack, account: Account) -> None:
    register_webhook_endpoint(account.local, URL)
    assert await ills(account.settings(stack)) == []


@pytest.mark.parametrize("url", [None, "https://credits.example.com/api/stripe/webhooks"])
async def test_endpoint_for_another_path_is_none(stack: Stack, account: Account, url: str | None) -> None:
    if url is not None:
        account.add_endpoint(url=url)
    ill = await the_ill(account.settings(stack))
    assert (ill.check, ill.level) == ("webhook endpoint", Level.ERROR)
    assert ill.fix is not None
    assert all(kind in ill.fix for kind in HANDLED_EVENT_TYPES)


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"enabled_events[]": HANDLED_EVENT_TYPES[:-1]}, "error", f"Add {HANDLED_EVENT_TYPES[-1]}."),
        ({"enabled_events[]": ["*"]}, "warning", "*"),
        ({"enabled_events[]": [*HANDLED_EVENT_TYPES, "customer.created"]}, "warning", "customer.created"),
        ({"api_version": None}, "warning", stripe.api_version),
    ],
    ids=["missing", "all", "more", "default version"],
)
async def test_endpoint_set_up_differently_is_told_how(
    stack: Stack, account: Account, changes: dict[str, Any], level: str, words: str
) -> None:
    account.add_endpoint(**changes)
    ill = await the_ill(account.settings(stack))
    assert (ill.check, ill.level.value) == ("webhook endpoint", level)
    assert words in (ill.fix or "")


async def test_disabled_endpoint_is_an_error_and_beside_a_sound_one_a_warning(
    stack: Stack, account: Account
) -> None:
    account.disable(account.add_endpoint())
    ill = await the_ill(account.settings(stack))
    assert (ill.level, ill.message) == (Level.ERROR, f"{URL} is disabled")
    account.add_endpoint(url=f"https://new.example.com{WEBHOOK_PATH}")
    ill = await the_ill(account.settings(stack))
    assert (ill.level, ill.message) == (Level.WARNING, f"{URL} is disabled")
