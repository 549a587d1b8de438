"""What a large installation does with its tables, without a change to a function."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.rows import dict_row

from service.sandbox.node import PROJECT
from tests.sql.database import Database, audit
from tests.sql.events import deliver, payment, refund
from tests.sql.purchases import balance, grant, ledger, open_purchase, spend, status
from tests.sql.scratch import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTITIONS = 4
USERS = 12

_CREATED = re.compile(r"create table credits\.ledger_entries \((.*?)\n\);", re.DOTALL)


@pytest.fixture(name="partitioned")
def build_partitioned(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """The schema with a ledger in hash partitions by user."""
    folder = tmp_path / "sql"
    shutil.copytree(PROJECT / "sql", folder)
    [file] = folder.glob("*_ledger_entries.sql")
    parts = "".join(
        f"\ncreate table credits.ledger_entries_{number} partition of credits.ledger_entries "
        f"for values with (modulus {PARTITIONS}, remainder {number});"
        for number in range(PARTITIONS)
    )
    whole, changes = _CREATED.subn(
        rf"create table credits.ledger_entries (\1\n) partition by hash (user_id);{parts}", file.read_text()
    )
    assert changes == 1
    file.write_text(whole)
    with (
        build(database_url, folder) as url,
        psycopg.connect(url, row_factory=dict_row) as connection,
    ):
        yield Database(connection)


def test_a_ledger_in_partitions_by_user_works_with_the_functions_as_they_are(partitioned: Database) -> None:
    db = partitioned
    for _ in range(USERS):
        purchase = open_purchase(db)
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        grant(db, purchase.user_id, 5)
        spend(db, purchase.user_id, 4)
        assert balance(db, purchase.user_id) == 16
        assert deliver(db, refund(purchase, f"re_{purchase.id}", 1500)) == ["applied"]
        assert (status(db, purchase), balance(db, purchase.user_id)) == ("refunded", 1)
    assert audit(db) == []
    in_parts = db.column("select count(*) from credits.ledger_entries group by tableoid")
    assert sum(in_parts) == USERS * 4
    assert len(in_parts) > 1


def test_an_event_that_was_deleted_with_age_and_comes_again_changes_nothing(db: Database) -> None:
    purchase = open_purchase(db)
    events = [payment(purchase, "succeeded"), refund(purchase, f"re_{purchase.id}", 1500)]
    assert deliver(db, *events) == ["applied", "applied"]
    kept = ledger(db, purchase)
    gone = db.execute(
        "delete from credits.stripe_events where outcome in ('applied', 'ignored') and received_at <= now()"
    )
    assert gone.rowcount >= 2
    assert deliver(db, *events) == ["applied", "applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("refunded", kept)
