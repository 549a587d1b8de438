from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.sandbox.errors import SandboxError
from service.sandbox.processes import bind
from service.sandbox.simulator import start_simulator
from tests import loopback

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

ROOT = Path(__file__).parents[3]


def test_the_handle_tells_where_it_is_and_nothing_answers_after_the_block() -> None:
    with start_simulator(secret_key="sk_test_mine") as local:
        assert (local.secret_key, local.publishable_key) == ("sk_test_mine", "pk_test_mine")
        assert loopback.get(f"{local.url}/_simulator").json()["pending"] == 0
    with pytest.raises(httpx.ConnectError):
        loopback.get(f"{local.url}/_simulator")


def test_a_taken_port_is_told_as_such() -> None:
    listener = bind()
    port = listener.getsockname()[1]
    with pytest.raises(SandboxError, match=f"Port {port} is taken"), start_simulator(port):
        pass
    listener.close()


def test_a_simulator_that_cannot_start_says_why() -> None:
    with pytest.raises(SandboxError, match="a secret key looks like"), start_simulator(secret_key="nonsense"):
        pass


def test_the_module_alone_prints_one_line_and_ends_on_sigterm() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "service.sandbox.simulator", "--port", "0", "--secret-key", "sk_test_alone"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert loopback.get(f"{ready['url']}/_simulator").status_code == 200
        assert ready["secret_key"] == "sk_test_alone"
        process.terminate()
        assert process.stdout.read() == ""
        assert process.wait(60) in {0, -15}
