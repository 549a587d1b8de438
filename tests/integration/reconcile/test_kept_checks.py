"""What the commands find is kept for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from typer.testing import CliRunner

from service.bookkeeping import Bookkeeping
from service.cli import app
from service.operate.checks import keep_checks
from service.reconcile import feeder
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from tests.integration.reconcile.cashier import Cashier
    from tests.integration.service.books import Books


def topup(env: Mapping[str, str], *arguments: str, status: int = 0) -> None:
    done = CliRunner().invoke(app, arguments, env=dict(env))
    assert done.exit_code == status, done.output


def kept(books: Books) -> dict[str, int]:
    return {row["name"]: row["findings"] for row in books.rows("select * from public.credit_checks()")}


def test_events_that_should_have_come_by_a_webhook_are_kept_apart_from_those_on_their_way(
    cashier: Cashier, books: Books, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cashier.buy()
    topup(env, "reconcile", "--since", "1h")
    assert (kept(books)["events_behind"], kept(books)["reconcile"]) == (0, 0)
    cashier.buy()
    monkeypatch.setattr(feeder, "LATE", -3600)
    topup(env, "reconcile", "--since", "1h", "--dry-run")
    assert kept(books)["events_behind"] == 0
    topup(env, "reconcile", "--since", "1h")
    assert kept(books)["events_behind"] > 0
    topup(env, "reconcile", "--since", "1h")
    assert kept(books)["events_behind"] == 0


def test_what_a_person_has_to_look_at_is_kept(cashier: Cashier, books: Books, env: Mapping[str, str]) -> None:
    cashier.buy(amount=300)
    topup(env, "reconcile", "--since", "1h", status=1)
    assert kept(books)["reconcile"] > 0


async def test_check_whose_result_cannot_be_kept_says_so_and_goes_on(
    env: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    refusing = httpx.MockTransport(lambda _request: httpx.Response(404, json={"code": "PGRST202"}))
    async with httpx.AsyncClient(transport=refusing) as http:
        await keep_checks(Bookkeeping(Settings.from_env(env), http), audit=0)
    told = capsys.readouterr().err
    assert "The metrics do not show what was found." in told
    assert "PGRST202" in told
