"""Live while the process serves; ready while the database can be reached and has the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.service.outages import without_postgres, without_postgrest
from tests.integration.service.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import httpx

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop

UNREACHABLE = "Not ready: the database cannot be reached"
NEEDS_MIGRATIONS = "Not ready: the database needs its migrations"
REFUSES = "Not ready: the database refuses this service"


def wait_for_ready(shop: Shop, status: int, document: object) -> httpx.Response:
    """An answer of /health/ready is given again for a second, so a change shows a little later."""

    def ask() -> httpx.Response | None:
        answer = shop.http.get("/health/ready")
        return answer if (answer.status_code, answer.json()) == (status, document) else None

    answer = eventually(ask, f"/health/ready answers {status} {document}")
    assert answer is not None
    return answer


def assert_not_ready(shop: Shop, error: str) -> None:
    answer = wait_for_ready(shop, 503, {"success": False, "error": error})
    assert int(answer.headers["retry-after"]) > 0
    live = shop.http.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"success": True, "data": {"status": "live"}})


def assert_ready(shop: Shop) -> None:
    wait_for_ready(shop, 200, {"success": True, "data": {"status": "ready"}})


@pytest.mark.slow
@pytest.mark.parametrize("away", [without_postgres, without_postgrest])
def test_the_service_is_live_but_not_ready_while_the_database_is_away(
    stack: Stack, shop: Shop, away: Callable[[Stack], AbstractContextManager[None]]
) -> None:
    assert_ready(shop)
    with away(stack):
        assert_not_ready(shop, UNREACHABLE)
    assert_ready(shop)


@pytest.mark.slow
def test_the_service_is_not_ready_on_an_older_schema_or_where_its_key_may_not_call_the_functions(
    shop: Shop, books: Books
) -> None:
    definition = books.value("select pg_get_functiondef('public.credit_schema_version()'::regprocedure)")
    try:
        books.execute(
            "create or replace function public.credit_schema_version() returns integer "
            "language sql immutable set search_path = '' as $$ select 0 $$"
        )
        assert_not_ready(shop, NEEDS_MIGRATIONS)
        books.execute("revoke execute on function public.credit_schema_version() from service_role")
        assert_not_ready(shop, REFUSES)
    finally:
        books.execute(definition.encode())
        books.execute("grant execute on function public.credit_schema_version() to service_role")
    assert_ready(shop)
