"""Each snippet of the README is run as it stands there, and its comments tell what came out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psycopg
import pytest

from service.sandbox.node import LOCAL_STACK, PROJECT
from service.settings import VARIABLES, Settings
from tests.e2e.pages import SCRIPTS, run_node
from tests.e2e.readme import TEXT, read_blocks, read_snippet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.sandbox.stack import Stack
    from tests.e2e.conftest import User

SNIPPETS: Final = {
    "js": ["buy.js", "credits.js", "history.js"],
    "python": ["grant.py", "answer.py"],
    "ts": ["answer.ts"],  # in test_client.py
    "sql": ["move", "packages"],
    "sh": [".env"],
}

WAIT_FOR_WEBHOOK: Final = """
const paid = () => supabase.from("credit_transactions").select().eq("status", "succeeded");
while (!(await paid()).data.length) await new Promise((resolve) => setTimeout(resolve, 10));
"""


def test_every_snippet_is_one_that_is_run_here() -> None:
    for language, titles in SNIPPETS.items():
        assert [block.title for block in read_blocks(language)] == titles
    assert len(re.findall(r"^```\w+ title=", TEXT, re.MULTILINE)) == sum(map(len, SNIPPETS.values()))


def make_page_folder(folder: Path) -> None:
    """Make a folder where the page's imports are found."""
    modules = folder / "node_modules"
    (modules / "@stripe").mkdir(parents=True)
    (modules / "@stripe" / "stripe-js").symlink_to(SCRIPTS / "stripe-js")
    for package in ("@supabase", "ws"):
        (modules / package).symlink_to(LOCAL_STACK / "node_modules" / package)
    # Node 20 has no WebSocket of its own.
    (folder / "browser.mjs").write_text('import ws from "ws"; globalThis.WebSocket ??= ws;')


@pytest.fixture(scope="module", name="bought")
def run_the_page(stack: Stack, user: User, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's two snippets got (`seen`), and what their comments say (`told`)."""
    folder = tmp_path_factory.mktemp("page")
    make_page_folder(folder)
    constants = {
        "SUPABASE_URL": stack.supabase.url,
        "SUPABASE_PUBLISHABLE_KEY": stack.supabase.publishable_key,
        "STRIPE_PUBLISHABLE_KEY": stack.simulator.publishable_key,
        "TOPUP_URL": stack.service_url,
        "email": user.email,
        "password": user.password,
    }
    read_credits = read_snippet("credits.js")
    comments = re.findall(r"^const \{ data: (\w+) \} = [^;]+;\n// (.+)$", read_credits, re.MULTILINE)
    assert len(comments) == read_credits.count("await")
    program = [
        'import "./browser.mjs";',
        *(f"const {name} = {json.dumps(value)};" for name, value in constants.items()),
        read_snippet("buy.js"),
        WAIT_FOR_WEBHOOK,
        read_credits,
        f"const seen = {{ {', '.join(name for name, _ in comments)} }};",
        f"const told = {{ {', '.join(f'{name}: {comment}' for name, comment in comments)} }};",
        "console.log(JSON.stringify({ seen, told }));",
    ]
    (folder / "page.mjs").write_text("\n".join(program))
    got: dict[str, Any] = run_node(folder / "page.mjs", STRIPE_URL=stack.simulator.url)
    return got


def test_the_page_buys_and_reads_its_credits(bought: dict[str, Any]) -> None:
    assert bought["seen"].keys() == {"purchase", "balance", "ledger"}
    assert bought["seen"] == bought["told"]


def test_the_backend_grants_credits(stack: Stack, user: User, bought: dict[str, Any]) -> None:
    assert bought["seen"]["balance"]["balance"] == 15
    constants = {
        "SUPABASE_URL": stack.supabase.url,
        "SUPABASE_SECRET_KEY": stack.supabase.secret_key,
        "user_id": user.id,
    }
    snippet = read_snippet("grant.py")
    program = [
        *(f"{name} = {value!r}" for name, value in constants.items()),
        snippet,
        "import json; print(json.dumps(granted))",
        "balance = supabase.table('credit_balance').select('balance::text').eq('user_id', user_id)",
        "print(balance.single().execute().data['balance'])",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(program)], capture_output=True, text=True, check=False, timeout=180
    )
    assert ended.returncode == 0, ended.stderr
    granted, exact = ended.stdout.splitlines()
    told = snippet.splitlines()[-1].removeprefix("# ").replace("True", "true")
    assert json.loads(granted) | {"entry_id": 2} == json.loads(told)
    assert f'`"{exact}"`' in TEXT


@pytest.fixture(name="database")
def connect(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.supabase.database_url) as connection:
        yield connection
        connection.rollback()


def test_packages_are_added_and_retired(database: psycopg.Connection) -> None:
    database.execute(read_snippet("packages").encode())
    on_sale = database.execute("select name from credits.packages where is_active order by sort_order")
    assert on_sale.fetchall() == [("Small Package",), ("Medium Package",), ("Team Package",)]


def test_balances_of_another_table_are_brought_over_once(database: psycopg.Connection, user: User) -> None:
    database.execute("create table public.profiles (id uuid primary key, credits numeric)")
    database.execute("insert into public.profiles values (%s, 12.5), (%s, 0)", [user.id, uuid4()])
    for _ in range(2):
        database.execute(read_snippet("move").encode())
    entries = "select amount::text from credits.ledger_entries where user_id = %s and description = %s"
    brought = database.execute(entries, [user.id, "Balance brought over"]).fetchall()
    assert brought == [("12.500000",)]
    database.execute("update public.profiles set credits = 13 where id = %s", [user.id])
    with pytest.raises(psycopg.Error, match="idempotency key"):
        database.execute(read_snippet("move").encode())


def test_the_settings_file_is_complete() -> None:
    text = read_snippet(".env").replace("<ref>", "abcdefghijklmnopqrst").replace("…", "0123456789abcdef")
    env = dict(line.split("=", 1) for line in text.splitlines())
    assert env.keys() <= {variable.name for variable in VARIABLES}
    assert Settings.from_env(env).livemode
    assert ".env" in (PROJECT / ".gitignore").read_text().splitlines()
