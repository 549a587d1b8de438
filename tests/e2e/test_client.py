"""`supabase/client`: the types are those of the schema, and the client does what it says."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest

from service.sandbox.node import LOCAL_STACK
from tests.e2e.client import CLIENT, compile_client
from tests.e2e.pages import run_node, run_program
from tests.e2e.readme import read_snippet

if TYPE_CHECKING:
    from service.sandbox.stack import Stack
    from tests.e2e.conftest import User

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("client_program.ts")
MISTAKES = {
    "kind": 'ledgerPages(supabase, { kind: "gift" });',
    "column": 'void supabase.from("credit_ledger").select("id").eq("colour", "red");',
    "view": 'void supabase.from("credit_leger").select();',
    "argument": 'void supabase.rpc("spend_credits", { user_id: "", amount: 1, idempotency_key: "" });',
    "null": "watchBalance(supabase, ({ expiring_at }) => expiring_at.length);",
}
"""What the compiler must not let pass."""


def test_the_types_are_those_of_the_schema(stack: Stack, tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            str(LOCAL_STACK / "node_modules" / ".bin" / "supabase"),
            "gen",
            "types",
            f"--remote={stack.supabase.database_url}",
            "--schema=public",
            "--agent=no",
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PGSSLMODE": "disable", "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr
    assert (CLIENT / "database.types.ts").read_text() == ended.stdout


def test_the_compiler_finds_mistakes(tmp_path: Path) -> None:
    head = (
        'import { ledgerPages, watchBalance, type Topup } from "./topup.ts";\n'
        "declare const supabase: Topup;\n"
    )
    programs = {
        name: f"{head}void ledgerPages;\nvoid watchBalance;\n{line}" for name, line in MISTAKES.items()
    }
    ended = compile_client(tmp_path, **programs)
    assert {
        line.partition(".ts")[0] for line in ended.stdout.splitlines() if ": error " in line
    } == MISTAKES.keys()


@pytest.fixture(scope="module", name="seen")
def run_client(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program saw."""
    folder = tmp_path_factory.mktemp("client")
    ended = compile_client(folder, program=PROGRAM.read_text())
    assert ended.returncode == 0, ended.stdout
    found: dict[str, Any] = run_program(
        stack, folder / "built" / "program.js", secret_key=stack.supabase.secret_key
    )
    return found


def test_a_page_buys_and_sees_its_balance_change(seen: dict[str, Any]) -> None:
    assert seen["same"] is True
    assert seen["unknown"] == {"status": 404, "code": "", "missing": None}
    shown = seen["balances"]
    # Each change once; what was over before the next look was not seen.
    assert all(one != next_ for one, next_ in itertools.pairwise(shown))
    assert list(dict.fromkeys(balance for balance, _ in shown)) == [0, 15, 14.7, 14]


def test_with_realtime_a_balance_is_shown_when_its_row_changes(tmp_path: Path) -> None:
    # The local stack has no Realtime, so this one is within the program.
    ended = compile_client(tmp_path, watch=PROGRAM.with_name("watch_program.ts").read_text())
    assert ended.returncode == 0, ended.stdout
    assert run_node(tmp_path / "built" / "watch.js") == {"shown": [1, 2]}


def test_work_is_paid_by_what_it_used(seen: dict[str, Any]) -> None:
    assert seen["heldMeanwhile"] == [13]
    assert seen["paid"] == {"result": "42", "balance": 14.7}
    assert seen["free"] == {"result": "free", "balance": None}
    assert seen["late"] == {"result": "late", "balance": 14}


def test_work_that_is_refused_or_fails_costs_nothing(seen: dict[str, Any]) -> None:
    assert seen["refused"] == {
        "twice": {"status": 409, "code": "hold_captured", "missing": None},
        "failed": {"thrown": "Error: the model is down"},
        "poor": {
            "status": 402,
            "code": "insufficient_credits",
            "missing": {"balance": 14.7, "available": 14.7, "shortfall": 5.3},
        },
        "asUser": {"status": 403, "code": "", "missing": None},
    }


def test_pages_lose_and_repeat_nothing_while_entries_come_in(seen: dict[str, Any]) -> None:
    spends = [f"spend {n}" for n in reversed(range(23))]
    assert seen["kept"] == [*spends, "Answer", "Answer", "Medium Package purchase"]
    # All but the newest, before which it ended.
    assert seen["spends"] == [10, 10, 4]
    assert len(seen["all"]) == 5
    assert seen["purchases"] == seen["all"]


BROWSER: Final = '// @ts-ignore: the test puts it there\nimport "./browser.mjs";\n'
EDGE: Final = """
import { answer } from "./answer.ts";
declare const process: { argv: string[]; exit(status: number): never };
const { token, requests } = JSON.parse(process.argv[2] ?? "");
const seen = [];
for (const body of requests) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const request = new Request("http://edge", { method: "POST", headers, body: JSON.stringify(body) });
  const response = await answer(request).catch((error) => Response.json(String(error), { status: 500 }));
  seen.push([response.status, await response.json()]);
}
const stranger = await answer(new Request("http://edge", { method: "POST", body: "{}" }));
console.log(JSON.stringify({ seen, stranger: stranger.status }));
process.exit(0);
"""

MODEL: Final = """
async function askModel(question: string): Promise<{ text: string; tokens: number }> {
  if (question === "fail") throw new Error("the model is down");
  return { text: question.toUpperCase(), tokens: 1000 };
}
"""


def test_the_function_of_the_readme_answers_for_credits(stack: Stack, user: User, tmp_path: Path) -> None:
    with psycopg.connect(stack.supabase.database_url) as database:
        database.execute("select public.grant_credits(%s, 1.5, 'Welcome', 'edge')", (user.id,))
    constants = {
        "SUPABASE_URL": stack.supabase.url,
        "SUPABASE_SECRET_KEY": stack.supabase.secret_key,
    }
    known = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    ended = compile_client(tmp_path, answer=f"{BROWSER}{known}{MODEL}{read_snippet('answer.ts')}", edge=EDGE)
    assert ended.returncode == 0, ended.stdout
    requests = [
        {"requestId": "1", "question": "why"},
        {"requestId": "1", "question": "why"},
        {"requestId": "2", "question": "fail"},
        {"requestId": "3", "question": "how"},
        {"requestId": "4", "question": "who"},
        {"requestId": "5", "question": "what"},
    ]
    seen = run_program(stack, tmp_path / "built" / "edge.js", token=user.access_token, requests=requests)
    assert seen["stranger"] == 401
    assert seen["seen"] == [
        [200, {"text": "WHY", "balance": 1.3}],
        [409, {"error": "hold_captured"}],
        [500, "Error: the model is down"],
        [200, {"text": "HOW", "balance": 1.1}],
        [200, {"text": "WHO", "balance": 0.9}],
        [402, {"error": "insufficient_credits", "balance": 0.9, "available": 0.9, "shortfall": 0.1}],
    ]


def check_types(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Have mypy read a program that uses the types of Python."""
    shutil.copy(CLIENT / "topup_types.py", folder)
    (folder / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_types_of_python_let_right_programs_pass_and_no_others(tmp_path: Path) -> None:
    program = "from topup_types import Balance\ndef read(row: Balance) -> float:\n    return row['{}']\n"
    right = check_types(tmp_path, program.format("available"))
    assert right.returncode == 0, right.stdout
    assert 'has no key "avialable"' in check_types(tmp_path, program.format("avialable")).stdout
