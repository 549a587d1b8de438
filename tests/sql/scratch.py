"""Databases of their own, built from the files of the schema, for what would be in the way of other tests."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from service.sandbox.node import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DECLARED = PROJECT / "sql"
MIGRATIONS = PROJECT / "supabase" / "migrations"

_PATIENCE = 120.0


@contextmanager
def build(database_url: str, folder: Path) -> Iterator[str]:
    """Run the files of `folder`, in the order of their names, in a new database; its URL."""
    name = f"scratch_{uuid.uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            url = database_url.removesuffix("/postgres") + f"/{name}"
            with psycopg.connect(url) as scratch:
                for file in sorted(folder.glob("*.sql")):
                    scratch.execute(file.read_bytes())
            yield url
        finally:
            _drop(database, name)


def _drop(database: psycopg.Connection, name: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            # A worker of autovacuum, which only a superuser may send away, is at it; it ends by itself.
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
