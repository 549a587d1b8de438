"""What the schema publishes in `public`, read from Postgres's own catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.rows import class_row

if TYPE_CHECKING:
    from service.sandbox.stack import Stack


class Function(NamedTuple):
    """A function of `public`: the names of its parameters, how many of the last are optional, its comment."""

    name: str
    parameters: list[str]
    optional: int
    comment: str


def read_views(stack: Stack) -> list[str]:
    """The names of all views."""
    with psycopg.connect(stack.supabase.database_url) as database:
        found = database.execute(
            """
            select relname from pg_class
            where relnamespace = 'public'::regnamespace and relkind = 'v'
            order by relname
            """
        ).fetchall()
    return [name for (name,) in found]


def read_functions(stack: Stack) -> list[Function]:
    """All functions."""
    with psycopg.connect(stack.supabase.database_url, row_factory=class_row(Function)) as database:
        return database.execute(
            """
            select
              p.proname as name,
              coalesce(p.proargnames[1:p.pronargs], '{}') as parameters,
              p.pronargdefaults as optional,
              coalesce(obj_description(p.oid, 'pg_proc'), '') as comment
            from pg_proc as p
            where p.pronamespace = 'public'::regnamespace
            order by p.proname
            """
        ).fetchall()
