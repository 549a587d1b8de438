"""`supabase/client`: the types are those of the schema, and the client does what it says."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from service.sandbox.node import LOCAL_STACK
from tests.e2e.client import CLIENT, compile_client
from tests.e2e.pages import run_program

if TYPE_CHECKING:
    from service.sandbox.stack import Stack

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
    assert seen["spends"] == [10, 10, 5]
    assert len(seen["all"]) == 5
    assert seen["purchases"] == seen["all"]
