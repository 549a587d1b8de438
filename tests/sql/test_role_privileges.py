"""Each role against each table, view, sequence and function: what may be done, tried out in Postgres."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.sql.database import ROLES, Database
from tests.sql.expected_privileges import EXECUTABLE_BY, READABLE_COLUMNS, READERS, SEQUENCES, SIGNED_IN
from tests.sql.purchases import new_user

if TYPE_CHECKING:
    from collections.abc import Iterator

INSUFFICIENT_PRIVILEGE = "42501"
NOT_UPDATABLE = "55000"
NOT_AN_UPDATABLE_COLUMN = "0A000"
GENERATED_ALWAYS = "428C9"

PRIVATE_VIEWS = {"credits.journal", "credits.lot_movements"}
VIEWS = {name for name in READERS if name.startswith("public.")} | PRIVATE_VIEWS
TABLES = sorted(READERS.keys() - VIEWS)


@contextmanager
def acting_as(db: Database, role: str) -> Iterator[None]:
    """Act as the role; `public` is a role made just now, which has only what everybody has."""
    if role == "public":
        db.execute("create role topup_test_public")
        role = "topup_test_public"
    with db.acting_as(role):
        yield


def attempt(db: Database, statement: sql.Composed) -> str | None:
    """Run a statement and undo it; give its SQLSTATE, None if it succeeded."""
    try:
        with db.connection.transaction(force_rollback=True):
            db.connection.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def named(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def columns_of(db: Database, relation: str) -> list[str]:
    return db.column(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        relation,
    )


def test_every_relation_has_an_expectation(db: Database) -> None:
    found = db.rows(
        "select format('%%s.%%s', n.nspname, c.relname) as name, c.relkind::text "
        "from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
        "where n.nspname in ('credits', 'public') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')"
    )
    assert {r["name"] for r in found if r["relkind"] != "S"} == READERS.keys()
    assert {r["name"] for r in found if r["relkind"] == "S"} == SEQUENCES


def test_every_function_has_an_expectation(db: Database) -> None:
    db.execute("set local search_path = ''")
    found = db.column(
        "select p.oid::regprocedure::text from pg_catalog.pg_proc as p "
        "where p.pronamespace in ('credits'::regnamespace, 'public'::regnamespace)"
    )
    assert set(found) == EXECUTABLE_BY.keys()


@pytest.mark.parametrize("relation", READERS)
@pytest.mark.parametrize("role", ROLES)
def test_role_selects_the_columns_granted_to_it_and_no_other(
    admin_db: Database, role: str, relation: str
) -> None:
    columns = columns_of(admin_db, relation)
    expected = set(READABLE_COLUMNS[relation].split()) if role in READERS[relation] else set[str]()

    with acting_as(admin_db, role):
        outcomes = {
            column: attempt(
                admin_db, sql.SQL("select {} from {}").format(sql.Identifier(column), named(relation))
            )
            for column in columns
        }
        count = attempt(admin_db, sql.SQL("select count(*) from {}").format(named(relation)))
        everything = attempt(admin_db, sql.SQL("select * from {}").format(named(relation)))

    assert {column for column, outcome in outcomes.items() if outcome is None} == expected
    assert set(outcomes.values()) <= {None, INSUFFICIENT_PRIVILEGE}
    assert count == (None if expected else INSUFFICIENT_PRIVILEGE)
    assert everything == (None if expected == set(columns) else INSUFFICIENT_PRIVILEGE)


@pytest.mark.parametrize("relation", READERS)
@pytest.mark.parametrize("role", ROLES)
def test_role_cannot_write_a_table_or_view(admin_db: Database, role: str, relation: str) -> None:
    refusals = {INSUFFICIENT_PRIVILEGE}
    if relation in VIEWS:
        refusals |= {NOT_UPDATABLE, NOT_AN_UPDATABLE_COLUMN, GENERATED_ALWAYS}
    columns = columns_of(admin_db, relation)

    with acting_as(admin_db, role):
        outcomes = [
            attempt(admin_db, sql.SQL("insert into {} default values").format(named(relation))),
            attempt(admin_db, sql.SQL("delete from {} where false").format(named(relation))),
            *(
                attempt(
                    admin_db,
                    sql.SQL("update {} set {} = default where false").format(
                        named(relation), sql.Identifier(column)
                    ),
                )
                for column in columns
            ),
        ]
    assert set(outcomes) <= refusals


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ROLES)
def test_role_cannot_truncate_a_table(admin_db: Database, role: str, table: str) -> None:
    with acting_as(admin_db, role):
        outcome = attempt(admin_db, sql.SQL("truncate {} cascade").format(named(table)))
    assert outcome == INSUFFICIENT_PRIVILEGE


@pytest.mark.parametrize("relation", READERS)
@pytest.mark.parametrize("role", ROLES)
def test_role_holds_no_privilege_but_select(admin_db: Database, role: str, relation: str) -> None:
    """Complements the attempts: a view that cannot be updated today may become updatable."""
    with acting_as(admin_db, role):
        [held] = admin_db.rows(
            "select has_any_column_privilege(r.oid, 'insert, update, references') as columns, "
            "has_table_privilege(r.oid, 'delete, truncate, trigger, maintain') as whole "
            "from (select c.oid from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
            "where format('%%s.%%s', n.nspname, c.relname) = %s) as r",
            relation,
        )
    assert held == {"columns": False, "whole": False}


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("role", ROLES)
def test_role_cannot_use_a_sequence(admin_db: Database, role: str, sequence: str) -> None:
    uses = [
        sql.SQL("select nextval({})").format(sql.Literal(sequence)),
        sql.SQL("select setval({}, 1)").format(sql.Literal(sequence)),
        sql.SQL("select last_value from {}").format(named(sequence)),
    ]
    with acting_as(admin_db, role):
        outcomes = {attempt(admin_db, use) for use in uses}
    assert outcomes == {INSUFFICIENT_PRIVILEGE}


@pytest.mark.parametrize("function", EXECUTABLE_BY)
@pytest.mark.parametrize("role", ROLES)
def test_role_executes_the_functions_granted_to_it_and_no_other(
    admin_db: Database, role: str, function: str
) -> None:
    call = call_with_nulls(function)
    with acting_as(admin_db, role):
        outcome = attempt(admin_db, call)
    assert (outcome != INSUFFICIENT_PRIVILEGE) == (role in EXECUTABLE_BY[function]), outcome


@pytest.mark.parametrize("function", EXECUTABLE_BY)
@pytest.mark.parametrize("role", ROLES)
def test_role_holds_the_right_to_execute_the_functions_granted_to_it_and_no_other(
    admin_db: Database, role: str, function: str
) -> None:
    """Complements the attempts: a helper may be refused only by the tables that it reads."""
    [oid] = admin_db.column("select %s::regprocedure::oid", function)
    with acting_as(admin_db, role):
        held = admin_db.value(bool, "select has_function_privilege(%s, 'execute')", oid)
    assert held == (role in EXECUTABLE_BY[function])


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_client_calling_an_rpc_is_refused(db: Database, role: str) -> None:
    """With arguments that the service would be let through with."""
    user_id = new_user(db)
    with db.refused(INSUFFICIENT_PRIVILEGE), db.acting_as(role, user_id):
        db.execute("select * from public.grant_credits(%s, 1000000, 'Mine', 'key')", user_id)


def call_with_nulls(function: str) -> sql.Composed:
    """Compose a call that the planner cannot fold away: a strict function of constant nulls is never run."""
    match = re.fullmatch(r"(.+)\((.*)\)", function)
    assert match
    types = match[2].split(",") if match[2] else []
    arguments = [sql.Identifier(f"a{i}") for i in range(len(types))]
    nulls = [
        sql.SQL("null::{} as {}").format(sql.SQL(type_name), argument)
        for type_name, argument in zip(types, arguments, strict=True)
    ]
    return sql.SQL("select {}({}) from (select {} offset 0) as arguments").format(
        named(match[1]), sql.SQL(", ").join(arguments), sql.SQL(", ").join(nulls)
    )


@pytest.mark.parametrize("role", ["anon", "authenticator", "public"])
def test_role_cannot_look_into_the_private_schema(admin_db: Database, role: str) -> None:
    with acting_as(admin_db, role):
        assert not admin_db.value(bool, "select has_schema_privilege('credits', 'usage, create')")


@pytest.mark.parametrize("role", sorted(SIGNED_IN))
def test_role_creates_nothing_in_the_private_schema(admin_db: Database, role: str) -> None:
    with acting_as(admin_db, role):
        assert admin_db.value(bool, "select has_schema_privilege('credits', 'usage')")
        assert not admin_db.value(bool, "select has_schema_privilege('credits', 'create')")
