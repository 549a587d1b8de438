"""A backend of an app that spends credits, with supabase-py, and a page that reads what became of them."""

from __future__ import annotations

import json
import subprocess
import sys
import typing
import uuid
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec
import psycopg
import pytest
from supabase.lib.client_options import SyncClientOptions

from service.sandbox.node import PROJECT
from supabase import create_client
from tests.e2e.pages import run_node
from tests.e2e.readme import read_snippet
from tests.e2e.test_readme_snippets import make_page_folder
from tests.integration.service.interposer import Interposer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from service.sandbox.stack import Stack
    from tests.e2e.conftest import User

ENTRIES: Final = 120

MODEL: Final = """
def ask_model(question):
    if question == "fail":
        raise ValueError("the model is down")
    return question.upper(), 1000
"""

DRIVER: Final = """
import sys

for request_id, question in json.loads(sys.argv[1]):
    try:
        print(json.dumps(answer(user_id, request_id, question)))
    except ValueError as error:
        print(json.dumps([500, str(error)]))
"""

READ_ALL: Final = """
const backend = createClient(SUPABASE_URL, SUPABASE_SECRET_KEY, { auth: { persistSession: false } });
await supabase.auth.signInWithPassword({ email, password });
const pages = [];
for (let last; ; ) {
  const page = await readPage(last);
  if (!page.length) break;
  pages.push(page.map(({ description }) => description));
  last = page.at(-1);
  // Something comes in between any two pages.
  const spend = { user_id, amount: 0.01, idempotency_key: crypto.randomUUID(), description: "meanwhile" };
  const { error } = await backend.rpc("spend_credits", spend);
  if (error) throw new Error(error.message);
}
console.log(JSON.stringify(pages));
process.exit(0);
"""


@pytest.fixture(name="database")
def connect(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.supabase.database_url, autocommit=True) as connection:
        yield connection


def grant(database: psycopg.Connection, user_id: str, amount: str) -> None:
    database.execute(
        "select public.grant_credits(%s, %s, 'Welcome', %s)", (user_id, amount, uuid.uuid4().hex)
    )


def new_user(database: psycopg.Connection) -> str:
    user_id = str(uuid.uuid4())
    database.execute(
        "insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com")
    )
    return user_id


@pytest.mark.parametrize("lost", ["hold_credits", "capture_hold", "release_hold"])
def test_the_backend_of_the_readme_answers_for_credits_even_if_an_answer_gets_lost(
    stack: Stack, database: psycopg.Connection, lost: str
) -> None:
    user_id = new_user(database)
    grant(database, user_id, "1.5")
    requests = [
        ("1", "why"),
        ("1", "why"),
        ("2", "fail"),
        ("2", "fail"),
        ("3", "how"),
        ("4", "who"),
        ("5", "what"),
    ]
    with Interposer(stack.supabase.url).running() as line:
        constants = {
            "SUPABASE_URL": line.url,
            "SUPABASE_SECRET_KEY": stack.supabase.secret_key,
            "user_id": user_id,
        }
        program = [
            *(f"{name} = {value!r}" for name, value in constants.items()),
            read_snippet("answer.py"),
            MODEL,
            DRIVER,
        ]
        line.cut_answer_of(lost)
        ended = subprocess.run(
            [sys.executable, "-c", "\n".join(program), json.dumps(requests)],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        calls = [path.rpartition("/")[2] for path in line.calls]
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(answer) for answer in ended.stdout.splitlines()] == [
        [200, {"text": "WHY", "balance": 1.3}],
        [409, "captured"],
        [500, "the model is down"],
        [409, "released"],
        [200, {"text": "HOW", "balance": 1.1}],
        [200, {"text": "WHO", "balance": 0.9}],
        [402, {"balance": 0.9, "available": 0.9, "shortfall": 0.1}],
    ]
    # The call whose answer was lost was made again at once.
    assert calls[calls.index(lost) + 1] == lost
    noted = database.execute(
        "select metadata from credits.ledger_entries where user_id = %s and kind = 'spend'", (user_id,)
    ).fetchall()
    assert noted == [({"tokens": 1000},)] * 3


def test_a_long_history_is_read_page_by_page_while_entries_come_in(
    stack: Stack, database: psycopg.Connection, user: User, tmp_path: Path
) -> None:
    grant(database, user.id, "10")
    database.execute(
        "select count(s.entry_id) from generate_series(1, %s) as n,"
        " lateral public.spend_credits(%s, 0.01, n::text, n::text) as s",
        (ENTRIES, user.id),
    )
    make_page_folder(tmp_path)
    constants = {
        "SUPABASE_URL": stack.supabase.url,
        "SUPABASE_PUBLISHABLE_KEY": stack.supabase.publishable_key,
        "SUPABASE_SECRET_KEY": stack.supabase.secret_key,
        "email": user.email,
        "password": user.password,
        "user_id": user.id,
    }
    program = [
        'import "./browser.mjs";',
        'import { createClient } from "@supabase/supabase-js";',
        *(f"const {name} = {json.dumps(value)};" for name, value in constants.items()),
        "const supabase = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY);",
        read_snippet("history.js"),
        READ_ALL,
    ]
    (tmp_path / "page.mjs").write_text("\n".join(program))
    pages: list[list[str]] = run_node(tmp_path / "page.mjs")
    assert [len(page) for page in pages] == [50, 50, 21]
    assert [each for page in pages for each in page] == [*map(str, range(ENTRIES, 0, -1)), "Welcome"]


@pytest.fixture(name="http")
def make_http_client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module", name="types")
def import_types() -> ModuleType:
    spec = spec_from_file_location("topup_types", PROJECT / "supabase" / "client" / "topup_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_types_of_python_are_those_of_real_answers(
    stack: Stack, database: psycopg.Connection, http: httpx.Client, types: ModuleType
) -> None:
    user_id = new_user(database)
    options = SyncClientOptions(httpx_client=http, auto_refresh_token=False)
    backend = create_client(stack.supabase.url, stack.supabase.secret_key, options)

    def call(function: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        return backend.rpc(function, arguments).execute().data

    def read(view: str) -> list[Any]:
        return backend.table(view).select("*").eq("user_id", user_id).execute().data

    def keyed(**arguments: Any) -> dict[str, Any]:
        return {"user_id": user_id, "idempotency_key": uuid.uuid4().hex, **arguments}

    answers: list[tuple[str, Any]] = [
        (
            "Posted",
            call("grant_credits", **keyed(amount=5, reason="Trial", expires_at="2099-01-01T00:00:00Z")),
        ),
        ("Posted", call("grant_credits", **keyed(amount=5, reason="Welcome"))),
        ("Posted", spent := call("spend_credits", **keyed(amount=1, description="Usage"))),
        ("Refunded", call("refund_spend", **keyed(entry_id=spent["entry_id"], amount=0.5))),
    ]
    terms = {"expires_in": "1 hour", "description": "Work", "metadata": {"model": "small"}}
    first, second = (call("hold_credits", **keyed(amount=1, **terms)) for _ in range(2))
    answers += [
        ("Hold", first),
        ("Hold", second),
        ("Balance", read("credit_balance")[0]),
        ("Released", call("release_hold", hold_id=first["hold_id"])),
        ("Posted", call("capture_hold", hold_id=second["hold_id"], amount=0.25)),
    ]
    answers += [("LedgerEntry", row) for row in read("credit_ledger")]
    answers += [("Lot", row) for row in read("credit_lots")]
    assert len(answers) == 9 + 5 + 2
    for name, answer in answers:
        wanted = getattr(types, name)
        assert answer.keys() == typing.get_type_hints(wanted).keys(), name
        assert msgspec.convert(answer, wanted) == answer
