"""Each command of the README is run, and what it shows is what comes out today."""

from __future__ import annotations

import getopt
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import stripe

from service.event_types import HANDLED_EVENT_TYPES
from service.sandbox import dev
from service.sandbox.buyer import Buyer
from service.sandbox.node import LOCAL_STACK, PROJECT
from service.sandbox.stack import Stack, start_stack
from service.settings import VARIABLES
from service.terminal import make_console
from tests import loopback
from tests.e2e.readme import find_command, read_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

TOPUP: Final = Path(sys.executable).with_name("topup")
FIRST, SECOND = read_commands()[:2]
OURS: Final = (
    r"\.venv/bin/uv run (--env-file \.env )?topup (dev|doctor|reconcile|explain pi_\w+|audit|bench)$"
)

NEEDS_AN_ACCOUNT: Final = {
    "fly apps create <app>",
    "fly secrets import --stage < .env",
    "fly deploy",
    (
        "fly machine run . --dockerfile service/Dockerfile --name reconcile --region iad --vm-memory 256"
        " --schedule hourly --restart no -- topup reconcile --since 1d --close-stale 2d"
    ),
    (
        "fly machine run . --dockerfile service/Dockerfile --name audit --region iad --vm-memory 256"
        " --schedule daily --restart no -- topup audit"
    ),
    (
        "fly machine run . --dockerfile service/Dockerfile --name expire --region iad --vm-memory 256"
        " --schedule daily --restart no -- topup expire"
    ),
    'fly ssh console -C "topup doctor"',
    "fly secrets set STRIPE_WEBHOOK_SECRET=whsec_new…,whsec_old…",
    "stripe listen --forward-to http://127.0.0.1:8000/api/stripe/webhook",
}
"""Commands that nobody can run here."""

DIFFERS: Final = (
    (r"\x1b\[[0-9;]*m", ""),
    (r" *\d+(\.\d+)? m?s\b", " <time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "<when>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"\b(pi|evt|whsec|sb_publishable|sb_secret)_[\w-]+", r"\1_<id>"),
    (r"postgres:[^@]+@", "postgres:<password>@"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"<port>  +", "<port>   "),
)
"""What no two runs have alike, and a word for it."""


FORCES_COLOURS: Final = {"FORCE_COLOR", "TTY_COMPATIBLE", "PY_COLORS", "GITHUB_ACTIONS"}
"""Variables that make a pipe look like a terminal."""


@pytest.fixture(scope="module")
def untouched() -> Iterator[Stack]:
    """A stack that no other test has left anything in."""
    with start_stack() as running:
        yield running


def run_topup(stack: Stack | None, *arguments: str, **env: str) -> str:
    """Run a command with the settings of a stack, or with none; its output."""
    names = {variable.name for variable in VARIABLES} | FORCES_COLOURS
    kept = {name: value for name, value in os.environ.items() if name not in names}
    ended = subprocess.run(
        [str(TOPUP), *arguments],
        env={**kept, **(stack.environment if stack else {}), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def shape(output: str) -> list[str]:
    """The lines of an output, with words for what differs."""
    for pattern, word in DIFFERS:
        output = re.sub(pattern, word, output)
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n").splitlines()


def test_the_first_command_shows_what_it_shows_today() -> None:
    def in_order(output: str) -> list[str]:
        # What is started at once is ready in any order; packages are installed the first time alone.
        lines = [line for line in shape(output) if "Install with npm" not in line]
        return sorted(lines[:3]) + lines[3:]

    assert FIRST.line.endswith("uv run topup demo")
    assert FIRST.output.startswith(" ✓ Install with npm")
    assert in_order(FIRST.output) == in_order(run_topup(None, "demo"))


def test_the_second_command_ends_with_a_sum() -> None:
    assert SECOND.line.endswith("uv run pytest -q")
    *_, last = SECOND.output.splitlines()
    assert re.fullmatch(r"\d{4} passed, \d+ deselected in [\d.]+s \(\d:\d\d:\d\d\)", last)


def test_dev_shows_what_it_shows_today(untouched: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    dev.show(make_console(), untouched, "http://127.0.0.1:8001", {})
    printed = capsys.readouterr().out.replace(str(untouched.supabase.data_dir), "/home/ada/topup/.topup")
    started, _, table = find_command(r"^\.venv/bin/uv run topup dev$").output.partition("\n\n")
    assert shape(table) == shape(printed)
    assert set(shape(started)) <= set(shape(FIRST.output))


def test_doctor_shows_what_it_shows_today(untouched: Stack) -> None:
    printed = run_topup(untouched, "doctor", FORCE_COLOR="1", COLUMNS="160")
    assert shape(find_command("topup doctor$").output) == shape(printed)


def test_a_lost_webhook_is_fetched_explained_and_audited(untouched: Stack) -> None:
    untouched.simulator.set_chaos(drop=1)
    with Buyer(untouched) as buyer:
        buyer.sign_up("grace@example.com")
        [package] = [each for each in buyer.read_packages() if each["name"] == "Medium Package"]
        intent = buyer.create_payment_intent(package["id"])
        assert buyer.pay(intent, "pm_card_visa") == "succeeded"
    untouched.simulator.wait_until_idle()
    for command in (["reconcile"], ["explain", intent["paymentIntentId"]], ["audit"]):
        shown = find_command(rf"\.env topup {command[0]}").output
        # Events of one second that came together are told in any order.
        assert sorted(shape(shown)) == sorted(shape(run_topup(untouched, *command)))


def send_like_curl(line: str) -> Any:  # noqa: ANN401 - JSON
    """Send what curl sends for this line; a machine may have none."""
    options, (url,) = getopt.gnu_getopt(shlex.split(line)[1:], "u:d:")
    [user] = [value for option, value in options if option == "-u"]
    answer = loopback.post(
        url,
        auth=httpx.BasicAuth(*user.split(":")),
        content="&".join(value for option, value in options if option == "-d"),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.is_success, answer.text
    return answer.json()


def test_a_payment_at_the_simulator_needs_no_page(untouched: Stack) -> None:
    with Buyer(untouched) as buyer:
        buyer.sign_up("alan@example.com")
        intent = buyer.create_payment_intent(buyer.read_packages()[0]["id"])["paymentIntentId"]
    command = find_command("/confirm").line
    assert "-u sk_test_topup:" in command
    here = command.replace("http://127.0.0.1:12111", untouched.simulator.url).replace("pi_…", intent)
    confirmed = send_like_curl(here)
    assert (confirmed["id"], confirmed["status"]) == (intent, "succeeded")


def test_the_webhook_endpoint_gets_the_events_that_are_read(untouched: Stack) -> None:
    line = find_command("/v1/webhook_endpoints").line
    for there, here in (
        ("https://api.stripe.com", untouched.simulator.url),
        ("<app>.fly.dev", "example.com"),
        ("$STRIPE_SECRET_KEY", untouched.simulator.secret_key),
    ):
        assert there in line
        line = line.replace(there, here)
    endpoint = send_like_curl(line)
    address = f"{untouched.simulator.url}/v1/webhook_endpoints/{endpoint['id']}"
    loopback.delete(address, auth=(untouched.simulator.secret_key, "")).raise_for_status()
    assert endpoint["url"] == "https://example.com/api/stripe/webhook"
    assert endpoint["enabled_events"] == list(HANDLED_EVENT_TYPES)
    assert endpoint["api_version"] == stripe.api_version
    assert endpoint["secret"].startswith("whsec_")


def test_every_other_command_is_one_that_exists() -> None:
    for line in {command.line for command in read_commands()} - {FIRST.line, SECOND.line} - NEEDS_AN_ACCOUNT:
        words = shlex.split(line)
        if words[0] == "supabase":
            assert_supabase_takes(words[1:])
        elif "pytest" in words:
            assert (PROJECT / words[-1]).exists()
        elif words[0] != "curl":
            assert re.search(OURS, line), line


def assert_supabase_takes(words: list[str]) -> None:
    """See that the Supabase CLI has this subcommand with these options."""
    options = [word for word in words if word.startswith("--")]
    subcommand = words[: words.index(options[0])] if options else words
    cli = LOCAL_STACK / "node_modules" / ".bin" / "supabase"
    usage = subprocess.run(
        [str(cli), *subcommand, "--help"], capture_output=True, text=True, check=True, timeout=180
    ).stdout
    assert f"supabase {' '.join(subcommand)} [flags]" in usage
    assert not [option for option in options if not re.search(rf"^  {option}\b", usage, re.MULTILINE)]
