"""What a test says to Postgres, and in whose name."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias, TypeVar

import psycopg
import pytest
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from psycopg.rows import DictRow

T = TypeVar("T")
Statement: TypeAlias = LiteralString | sql.SQL | sql.Composed

HISTORIES_PLAYED = pytest.StashKey[int]()

ROLES = ("anon", "authenticated", "service_role", "authenticator", "public")


class Database:
    """One connection to the database under test."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self.connection = connection

    def execute(self, query: Statement, *params: object) -> psycopg.Cursor[DictRow]:
        """Run one statement."""
        return self.connection.execute(query, params)

    def rows(self, query: Statement, *params: object) -> list[DictRow]:
        """Give the rows that the query selects."""
        return self.execute(query, *params).fetchall()

    def column(self, query: Statement, *params: object) -> list[Any]:
        """Give the first column of the rows that the query selects."""
        return [next(iter(row.values())) for row in self.rows(query, *params)]

    def value(self, kind: type[T], query: Statement, *params: object) -> T:
        """Give the one value of the one row that the query selects, which is of this type."""
        [found] = self.column(query, *params)
        assert isinstance(found, kind)
        return found

    @contextmanager
    def acting_as(self, role: str, user_id: UUID | None = None) -> Iterator[None]:
        """Run as PostgREST runs a request: in this role, with the claims of this user's token or none."""
        claims = json.dumps({"role": role, "sub": str(user_id)}) if user_id else ""
        with self.connection.transaction():
            self._become(role, claims)
            yield
            self._become("none", "")

    def _become(self, role: str, claims: str) -> None:
        self.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)", role, claims
        )

    @contextmanager
    def refused(self, sqlstate: str, code: str | None = None) -> Iterator[None]:
        """Expect the block to end with this SQLSTATE and, for an error of ours, this code in DETAIL."""
        with pytest.raises(psycopg.Error) as caught, self.connection.transaction():
            yield
        assert caught.value.sqlstate == sqlstate, caught.value
        if code is not None:
            assert caught.value.diag.message_detail == code, caught.value

    def rpc(self, function: str, **arguments: object) -> DictRow:
        """Call a function of `public` as the service does: service_role, arguments by name, one row back."""
        [row] = self.rpc_rows(function, **arguments)
        return row

    def rpc_rows(self, function: str, **arguments: object) -> list[DictRow]:
        """Call a function of `public` that gives any number of rows."""
        with self.acting_as("service_role"):
            return self.rows(rpc_query(function, arguments), *arguments.values())


def rpc_query(function: str, arguments: dict[str, object]) -> sql.Composed:
    """Compose `select * from public.function(name => %s, …)`."""
    named = sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(name)) for name in arguments)
    return sql.SQL("select * from {}({})").format(sql.Identifier("public", function), named)


def audit(db: Database) -> list[DictRow]:
    """Give all that does not add up in the whole database: finding, user_id, subject, detail."""
    with db.acting_as("service_role"):
        return db.rows("select * from public.audit_credits()")
