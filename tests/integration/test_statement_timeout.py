"""How long the functions that read everything may take: PostgREST applies a function's `statement_timeout`.

Postgres itself does not: it takes the time when a statement begins, before the function's own settings.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.integration.service.postgrest import PostgREST
from tests.integration.service.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from service.sandbox.stack import Stack

    Nap = Callable[[float, LiteralString], str]

LONG_READS = ("audit_credits", "credit_report")
PERMITTED_SECONDS = 8
"""What hosted projects let a statement of the API take."""

QUERY_CANCELED = "57014"


@pytest.fixture(name="database")
def connect(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.supabase.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(name="client")
def open_client(stack: Stack) -> Iterator[httpx.Client]:
    with PostgREST(stack, stack.supabase.secret_key) as client:
        yield client


@pytest.fixture(name="nap")
def make_naps(database: psycopg.Connection, client: httpx.Client) -> Iterator[Nap]:
    """Make a function that sleeps, with a setting; its name, once PostgREST knows it."""
    made: list[sql.Identifier] = []

    def make(seconds: float, setting: LiteralString) -> str:
        name = f"nap_{uuid.uuid4().hex}"
        function = sql.Identifier("public", name)
        made.append(function)
        database.execute(
            sql.SQL(
                "create function {}(wanted boolean) returns text language plpgsql {} as $$"
                " begin if wanted then perform pg_sleep({}); end if; return 'slept'; end $$"
            ).format(function, sql.SQL(setting), sql.Literal(seconds))
        )
        database.execute(sql.SQL("grant execute on function {} to service_role").format(function))
        eventually(lambda: sleep(client, name, wanted=False).is_success, "PostgREST knows the function")
        return name

    yield make
    for function in made:
        database.execute(sql.SQL("drop function {}").format(function))


def sleep(client: httpx.Client, name: str, *, wanted: bool = True) -> httpx.Response:
    return client.post(f"/rpc/{name}", json={"wanted": wanted})


def test_the_functions_that_read_everything_may_take_minutes(database: psycopg.Connection) -> None:
    found = database.execute(
        "select proname, proconfig from pg_proc where proname = any(%s) order by proname", [list(LONG_READS)]
    ).fetchall()
    assert [name for name, _ in found] == list(LONG_READS)
    assert all("statement_timeout=10min" in settings for _, settings in found)


def test_postgrest_applies_the_time_that_a_function_gives_itself(
    nap: Nap, client: httpx.Client, database: psycopg.Connection
) -> None:
    name = nap(0.5, "set statement_timeout = '50ms'")
    answer = sleep(client, name)
    assert (answer.is_success, answer.json()["code"]) == (False, QUERY_CANCELED)
    # Not by Postgres's own doing.
    call = sql.SQL("select {}(true)").format(sql.Identifier("public", name))
    assert database.execute(call).fetchone() == ("slept",)


@pytest.mark.slow
def test_such_a_function_takes_longer_than_others_may(nap: Nap, client: httpx.Client) -> None:
    others = sleep(client, nap(PERMITTED_SECONDS + 1, ""))
    assert (others.is_success, others.json()["code"]) == (False, QUERY_CANCELED)
    answer = sleep(client, nap(PERMITTED_SECONDS + 1, "set statement_timeout = '10min'"))
    assert (answer.status_code, answer.json()) == (200, "slept")
