from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from tests.sql.database import HISTORIES_PLAYED, Database, audit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import DictRow

    from service.sandbox.stack import Stack


@pytest.fixture(scope="session")
def database_url(stack: Stack) -> str:
    """Connect as `postgres`: it owns the schema and is no superuser, as on a hosted project."""
    return stack.supabase.database_url


@pytest.fixture(scope="session")
def admin_database_url(stack: Stack) -> str:
    """Connect as a superuser, who may act as any role."""
    return stack.supabase.admin_database_url


@pytest.fixture(scope="session")
def _connection(database_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="session")
def _admin_connection(admin_database_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    with psycopg.connect(admin_database_url, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="session")
def _findings_before(_connection: psycopg.Connection[DictRow]) -> list[DictRow]:
    """What an audit finds of other tests, which may have let an event fail."""
    with _connection.transaction():
        return audit(Database(_connection))


@pytest.fixture
def db(_connection: psycopg.Connection[DictRow], _findings_before: list[DictRow]) -> Iterator[Database]:
    """Act as `postgres` in a transaction that is audited and rolled back after the test."""
    database = Database(_connection)
    try:
        yield database
        assert _connection.info.transaction_status is not TransactionStatus.INERROR
        assert new_findings(database, _findings_before) == []
    finally:
        _connection.rollback()


@pytest.fixture
def admin_db(_admin_connection: psycopg.Connection[DictRow]) -> Iterator[Database]:
    """Act as a superuser in a transaction that is rolled back after the test."""
    try:
        yield Database(_admin_connection)
    finally:
        _admin_connection.rollback()


@pytest.fixture
def committed_db(database_url: str, _findings_before: list[DictRow]) -> Iterator[Database]:
    """Act as `postgres`, each statement committed, for tests in which other connections must see it.

    What it leaves behind belongs to fresh users; packages go off sale again.
    """
    with psycopg.connect(database_url, row_factory=dict_row, autocommit=True) as connection:
        database = Database(connection)
        yield database
        database.execute("update credits.packages set is_active = false where name = 'Test Package'")
        assert new_findings(database, _findings_before) == []


def new_findings(database: Database, before: list[DictRow]) -> list[DictRow]:
    return [finding for finding in audit(database) if finding not in before]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many histories were played, as the number is what counts."""
    played = config.stash.get(HISTORIES_PLAYED, None)
    if played is not None:
        terminalreporter.write_line(f"{played} payment histories settled in order and shuffled")
