"""The command line as people and programs meet it: real processes, their output, their end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from service.settings import VARIABLES
from tests import loopback
from tests.leftovers import MARK, find_marked, wait_until_none
from tests.log_lines import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

TOPUP = str(Path(sys.executable).with_name("topup"))
FREE_PORTS = [
    "--port",
    "0",
    "--db-port",
    "0",
    "--service-port",
    "0",
    "--stripe-port",
    "0",
    "--page-port",
    "0",
]
DEV_KEYS = {
    "page_url",
    "supabase_url",
    "publishable_key",
    "secret_key",
    "database_url",
    "service_url",
    "stripe_url",
    "stripe_js_url",
    "stripe_publishable_key",
    "stripe_secret_key",
    "webhook_secret",
}
PATIENCE = 120


def environment(**changes: str) -> dict[str, str]:
    """This process's own, without any of the service's settings and whatever forces colours."""
    dropped = {variable.name for variable in VARIABLES} | {"FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | changes


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOPUP, *arguments],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def running(*arguments: str, **changes: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command in the background, and a mark that all its descendants carry in their environment."""
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [TOPUP, *arguments],
        env=environment(**changes, **{MARK: mark}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, mark
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str, int]:
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return out, err, process.returncode


def read_until(process: subprocess.Popen[str], last: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if last in line:
            return text
    raise AssertionError(f"it ended first: {text}")


@pytest.fixture(scope="module", name="data")
def make_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of `topup dev`, kept from test to test."""
    return tmp_path_factory.mktemp("dev") / "data"


def test_demo_buys_credits_and_answers_with_one_object() -> None:
    ended = run("demo", "--json")
    assert ended.returncode == 0, ended.stderr
    [line] = ended.stdout.splitlines()
    answer = json.loads(line)
    assert ended.stderr == ""
    assert set(answer) == {
        "success",
        "package",
        "credited",
        "balance",
        "currency",
        "webhook_to_credit_ms",
        "steps",
    }
    assert answer["success"] is True
    assert (answer["package"], answer["currency"]) == ("Medium Package", "usd")
    assert answer["credited"] == answer["balance"] == 15
    assert answer["webhook_to_credit_ms"] > 0
    names = [step["name"] for step in answer["steps"]]
    assert names[-8:] == [
        "Sign up",
        "Packages",
        "PaymentIntent",
        "Payment",
        "Webhook",
        "Balance",
        "History",
        "Ledger",
    ]
    assert {"Supabase", "Stripe simulator", "Service"} <= set(names)
    assert all(step["ms"] > 0 for step in answer["steps"])


def test_dev_runs_everything_and_ctrl_c_leaves_no_process(data: Path) -> None:
    with running("dev", "--json", *FREE_PORTS, "--data", str(data)) as (process, mark):
        assert process.stdout is not None
        answer: dict[str, str] = json.loads(process.stdout.readline())
        assert set(answer) == DEV_KEYS
        assert loopback.get(f"{answer['service_url']}/health/ready").is_success
        version = loopback.post(
            f"{answer['supabase_url']}/rest/v1/rpc/credit_schema_version",
            headers={"apikey": answer["secret_key"]},
        )
        assert version.json() >= 1
        intents = loopback.get(
            f"{answer['stripe_url']}/v1/payment_intents",
            headers={"Authorization": f"Bearer {answer['stripe_secret_key']}"},
        )
        assert intents.json()["data"] == []
        preflight = loopback.options(
            f"{answer['service_url']}/api/stripe/balance",
            headers={"Origin": "http://localhost:5173", "Access-Control-Request-Method": "GET"},
        )
        assert preflight.headers["access-control-allow-origin"] == "http://localhost:5173"
        assert "<title>" in loopback.get(answer["page_url"]).text
        preflight = loopback.options(
            f"{answer['service_url']}/api/stripe/create-payment-intent",
            headers={"Origin": answer["page_url"], "Access-Control-Request-Method": "POST"},
        )
        assert preflight.headers["access-control-allow-origin"] == answer["page_url"]
        assert len(find_marked(mark, data)) > 4
        out, err, status = end(process, signal.SIGINT)
        assert (out, err, status) == ("", "", 0)
        wait_until_none(lambda: find_marked(mark, data))


def test_dev_with_a_test_key_uses_stripe_itself_and_tells_how_to_forward(data: Path) -> None:
    key = json.loads((data / "keys.json").read_text())["secret_key"]
    with running("dev", *FREE_PORTS, "--data", str(data), STRIPE_SECRET_KEY="sk_test_abc") as (process, mark):
        text = read_until(process, "Ctrl-C stops everything")
        out, err, status = end(process, signal.SIGTERM)
        assert (out, err, status) == ("", "", 0)
        wait_until_none(lambda: find_marked(mark, data))
    assert "\x1b" not in text
    assert key in text  # kept from the run before
    assert "https://api.stripe.com" in text
    assert "simulator" not in text
    service = re.search(r"curl (http://\S+)/health/ready", text)
    assert service is not None
    assert f"stripe listen --forward-to {service[1]}/api/stripe/webhook" in text
    assert text.index("stripe listen") < text.index("STRIPE_WEBHOOK_SECRET=whsec_…")
    assert "https://js.stripe.com/" in text
    assert "set STRIPE_PUBLISHABLE_KEY=pk_test_…" in text


def test_fresh_starts_over_and_the_end_of_a_part_ends_dev(data: Path) -> None:
    key = json.loads((data / "keys.json").read_text())["secret_key"]
    with running("dev", "--json", "--fresh", *FREE_PORTS, "--data", str(data)) as (process, mark):
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["secret_key"] != key
        # The log of the runs before is kept.
        listening = [line for line in read_log(data / "service.log") if line["event"] == "listening"]
        os.kill(listening[-1]["pid"], signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        assert err.startswith("error: The service ended with status -9.")
        assert "Traceback" not in err
        wait_until_none(lambda: find_marked(mark, data))


def test_fresh_deletes_nothing_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    ended = run("dev", "--fresh", *FREE_PORTS, "--data", str(tmp_path))
    assert ended.returncode == 1
    assert str(tmp_path) in ended.stderr
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("option", ["--port", "--db-port", "--service-port", "--stripe-port", "--page-port"])
def test_taken_port_is_told_in_one_line(option: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("dev", *FREE_PORTS, "--data", str(tmp_path), option, port)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"error: Port {port} is taken")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc"])
def test_dev_refuses_a_live_key(key: str, tmp_path: Path) -> None:
    ended = run("dev", *FREE_PORTS, "--data", str(tmp_path), STRIPE_SECRET_KEY=key)
    assert ended.returncode == 1
    assert "never moves real money" in ended.stderr
    assert key not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [[TOPUP], [sys.executable, "-m", "service"]], ids=["topup", "module"])
def test_help_tells_every_command_with_an_example(command: list[str]) -> None:
    ended = subprocess.run(
        [*command, "--help"], env=environment(), capture_output=True, text=True, check=True
    )
    for name in ("demo", "dev", "serve", "doctor"):
        assert re.search(rf"^│ {name} ", ended.stdout, re.MULTILINE)
        assert f" topup {name}" in ended.stdout
    assert "Settings" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_help_of_serve_names_every_setting() -> None:
    text = run("serve", "--help").stdout
    assert all(re.search(rf"^ +{variable.name} ", text, re.MULTILINE) for variable in VARIABLES)


def test_image_without_the_sandbox_has_the_commands_of_production_alone(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "service"
    shutil.copytree(source, tmp_path / "service", ignore=shutil.ignore_patterns("sandbox", "__pycache__"))
    ended = subprocess.run(
        [sys.executable, "-m", "service", "--help"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"^│ ([a-z]+) ", ended.stdout, re.MULTILINE) == [
        *("serve", "doctor"),
        *("reconcile", "events", "explain", "audit"),
        *("statement", "report", "expire"),
    ]
    assert "demo" not in ended.stdout


def test_serving_imports_no_command_line() -> None:
    code = "import sys, service.serve, service.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "uvicorn" not in loaded  # not before the settings are checked
    assert not {"typer", "stripe", "supabase", "service.sandbox"} & set(loaded)


@pytest.mark.parametrize(
    "command", [[TOPUP, "serve"], [sys.executable, "-m", "service.serve"]], ids=["topup", "module"]
)
def test_serve_names_all_wrong_settings_at_once(command: list[str]) -> None:
    env = environment(SUPABASE_URL="nonsense", STRIPE_SECRET_KEY="pk_test_abc", PORT="70000")
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    told = set(re.findall(r"^ +([A-Z_]+) ", ended.stderr, re.MULTILINE))
    assert told == {
        "SUPABASE_URL",
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "PORT",
    }


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["serve", "--port", "70000"], ["dev", "--colour"]], ids=lambda each: each[-1]
)
def test_wrong_call_is_status_2(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_doctor_tells_wrong_settings_to_programs_too() -> None:
    ended = run("doctor", "--json", SUPABASE_URL="https://example.supabase.co")
    assert ended.returncode == 1
    answer: dict[str, Any] = json.loads(ended.stdout)
    assert answer["success"] is False
    assert {each["check"] for each in answer["checks"]} == {
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
    }
