"""save_credit_check and credit_checks: what the checks of an operator found, for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sql.database import Database


@pytest.fixture(autouse=True)
def _never_checked(db: Database) -> None:
    db.execute("delete from credits.checks")


def findings(db: Database) -> dict[str, int]:
    return {row["name"]: row["findings"] for row in db.rows("select * from public.credit_checks()")}


def test_only_what_the_last_run_found_is_kept(db: Database) -> None:
    for found in (3, 0):
        db.rpc("save_credit_check", name="audit", findings=found)
    db.rpc("save_credit_check", name="events_behind", findings=2)
    assert findings(db) == {"audit": 0, "events_behind": 2}


def test_each_run_has_its_time(db: Database) -> None:
    db.execute("insert into credits.checks values ('audit', 1, now() - interval '1 day')")
    db.rpc("save_credit_check", name="audit", findings=0)
    assert db.value(bool, "select finished_at = now() from public.credit_checks()") is True


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "weather", "findings": 0},
        {"name": None, "findings": 0},
        {"name": "audit", "findings": -1},
        {"name": "audit", "findings": None},
    ],
)
def test_result_of_no_check_is_refused(db: Database, arguments: dict[str, Any]) -> None:
    with db.refused("PT400", "invalid_argument"):
        db.rpc("save_credit_check", **arguments)
    assert findings(db) == {}
