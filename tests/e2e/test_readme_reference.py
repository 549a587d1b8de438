"""What the README lists is what there is: no more, no less."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from typer.main import get_command

from service.cli import app
from service.metrics import Metrics
from service.sandbox.node import LOCAL_STACK, OLDEST_NODE, PROJECT
from service.settings import VARIABLES, Variable
from tests import loopback
from tests.e2e.public_schema import read_functions, read_views
from tests.e2e.readme import TEXT, headings, read_rows, read_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack


WORDS = [
    "holds_status_is_known",
    "transactions_payment_state_is_known",
    "stripe_events_outcome_is_known",
]
"""The constraints that say which words a column can hold."""


@pytest.fixture(name="database")
def connect(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.supabase.database_url) as connection:
        yield connection


@pytest.fixture(scope="module", name="openapi")
def read_openapi(stack: Stack) -> dict[str, Any]:
    document: dict[str, Any] = loopback.get(f"{stack.service_url}/schema/openapi.json").json()
    return document


def code(cell: str) -> list[str]:
    """What a cell sets in code."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_setting_is_explained_with_its_default() -> None:
    def default_of(variable: Variable) -> str:
        if variable.default:
            return f"`{variable.default}`"
        return "required" if variable.default is None and not variable.optional else "none"

    rows = [row for row in read_rows("Settings") if code(row[0])[0].isupper()]
    assert [(row[0], row[1]) for row in rows] == [
        (f"`{variable.name}`", default_of(variable)) for variable in VARIABLES
    ]
    assert all(what for _, _, what in rows)


def test_every_column_of_the_settings_in_the_database_is_explained(database: psycopg.Connection) -> None:
    columns = database.execute(
        """
        select column_name, data_type, column_default
        from information_schema.columns
        where table_schema = 'credits' and table_name = 'settings' and column_name <> 'singleton'
        order by ordinal_position
        """
    ).fetchall()
    told = {code(row[0])[0]: code(row[1])[0] for row in read_rows("Settings") if code(row[0])[0].islower()}
    assert list(told) == [name for name, _, _ in columns]
    for name, kind, default in columns:
        query = sql.SQL("select {} = {}::{}").format(sql.SQL(default), told[name], sql.SQL(kind))
        assert database.execute(query).fetchone() == (True,), name


def test_every_endpoint_is_listed_with_its_statuses_and_data(openapi: dict[str, Any]) -> None:
    def names_of(operation: dict[str, Any]) -> list[str]:
        schema = resolve(operation["responses"]["200"]["content"]["application/json"]["schema"], openapi)
        data = resolve(schema["properties"].get("data", {}), openapi)
        return list(resolve(data.get("items", data), openapi).get("properties", {}))

    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    }
    rows = {code(row[0])[0]: row for row in read_rows("HTTP") if code(row[0])}
    assert rows.keys() == operations.keys()
    for endpoint, operation in operations.items():
        _, who, data, statuses = rows[endpoint]
        assert statuses.split() == sorted(operation["responses"]), endpoint
        told = re.findall(r"\w+", code(data)[0]) if code(data) else []
        assert told == names_of(operation) or endpoint.startswith("GET /health/"), endpoint
        assert (who == "user") == (
            operation["security"] == [{"supabase": []}] if "security" in operation else False
        )


def resolve(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def test_every_metric_is_told() -> None:
    counted = Metrics().read(ready=True).decode()
    names = re.findall(r"^# TYPE (\w+) ", counted, re.MULTILINE)
    assert names
    assert [name for name in names if name not in code(read_section("Operate"))] == []


def test_every_status_is_explained(openapi: dict[str, Any]) -> None:
    documented = {
        status
        for methods in openapi["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }
    told = [row[0] for row in read_rows("HTTP") if row[0].isdigit()]
    assert told == sorted((documented - {"200"}) | {"405"})


def test_every_view_is_listed_with_its_columns(stack: Stack, database: psycopg.Connection) -> None:
    columns = database.execute(
        """
        select table_name, array_agg(column_name::text order by ordinal_position)
        from information_schema.columns
        where table_schema = 'public' and table_name = any(%s)
        group by table_name
        """,
        [read_views(stack)],
    ).fetchall()
    assert {code(row[0])[0]: code(row[1].partition(";")[0]) for row in read_rows("Views")} == dict(columns)


def test_every_word_that_a_view_can_hold_is_told(database: psycopg.Connection) -> None:
    definitions = database.execute(
        """
        select pg_get_constraintdef(oid) from pg_constraint
        where conname = any(%s)
        union all
        select substring(prosrc from 'p_kind in [^)]*') from pg_proc where proname = 'fits_kind'
        union all
        select generation_expression from information_schema.columns
        where table_schema = 'credits' and table_name = 'transactions' and is_generated = 'ALWAYS'
        """,
        [WORDS],
    ).fetchall()
    assert len(definitions) == len(WORDS) + 2
    words = {word for (definition,) in definitions for word in re.findall(r"'(\w+)'", definition)}
    assert words <= {*code(read_section("Views")), *code(read_section("Functions"))}


def test_every_function_is_listed_with_its_parameters_and_errors(stack: Stack) -> None:
    rows = {code(row[0])[0].partition("(")[0]: row for row in read_rows("Functions")}
    functions = read_functions(stack)
    assert rows.keys() == {function.name for function in functions}
    for function in functions:
        signature, _, errors = rows[function.name]
        required = len(function.parameters) - function.optional
        names = [*function.parameters[:required], *(f"{name}?" for name in function.parameters[required:])]
        assert signature == f"`{function.name}({', '.join(names)})`"
        told = re.findall(r"(\d{3}) `(\w+)`", errors)
        _, _, comment = function.comment.partition("Errors: ")
        groups = re.findall(r"(\d{3}) (\w+(?: or \w+)*)", comment)
        assert sorted(told) == sorted(
            (status, each) for status, codes in groups for each in codes.split(" or ")
        )


def test_every_error_that_the_schema_raises_is_told() -> None:
    raised = {
        found
        for file in (PROJECT / "sql").glob("*.sql")
        for found in re.findall(r"credits\.fail\(\s*(\d{3}), '(\w+)'", file.read_text())
    }
    assert len(raised) > 10
    assert set(re.findall(r"(\d{3}) `(\w+)`", read_section("Functions"))) == raised


def test_every_command_is_listed_with_its_options() -> None:
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]  # of a group
    rows = {code(row[0])[0].split()[1]: code(row[0])[0] for row in read_rows("Commands")}
    assert rows.keys() == commands.keys()
    for name, command in commands.items():
        options = {option for each in command.params for option in each.opts if option.startswith("--")}
        assert set(re.findall(r"--[\w-]+", rows[name])) == options - {"--help"}, name


def test_the_versions_are_those_that_are_asked_for() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix(">=")
    node = json.loads((LOCAL_STACK / "package.json").read_text())["engines"]["node"]
    assert f"Python {python}+ and Node {OLDEST_NODE}+" in TEXT
    assert node == f">={OLDEST_NODE}"


def test_every_link_leads_somewhere() -> None:
    anchors = {f"#{re.sub(r'[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')}" for heading in headings()}
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) > 5
    for link in links:
        known = link in anchors or link.startswith("https://") or (PROJECT / link).exists()
        assert known, link
