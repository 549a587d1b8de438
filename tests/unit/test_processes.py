from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.sandbox.errors import SandboxError
from service.sandbox.processes import Process, answers, bind
from tests.leftovers import wait_until_none

PROJECT = Path(__file__).resolve().parents[2]
SERVER = """
import http.server, socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
server.socket.close()
server.socket = listener
server.serve_forever()
"""


def wait_until_gone(pid: int) -> None:
    ps = ["ps", "-p", str(pid), "-o", "stat=,args="]

    def running() -> list[str]:
        listed = subprocess.run(ps, capture_output=True, text=True, check=False).stdout
        return [line for line in listed.splitlines() if not line.startswith("Z")]

    wait_until_none(running)


def test_a_child_serves_on_the_socket_that_was_bound_for_it(tmp_path: Path) -> None:
    with bind() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        command = [sys.executable, "-c", SERVER, str(listener.fileno())]
        log = tmp_path / "log"
        with Process.start("server", command, log=log, cwd=tmp_path, fds=[listener.fileno()]) as child:
            listener.close()
            child.wait_until_ready(lambda: answers(url))
            assert child.returncode is None
        assert child.returncode is not None
        assert not answers(url)
        assert '"GET / HTTP/1.1" 200' in log.read_text()


def test_a_port_can_be_bound_once() -> None:
    with bind() as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"Port {port} is taken by \S+ \(pid {os.getpid()}\)"):
            bind(port)


def test_a_child_that_ends_before_it_is_ready_is_told_with_its_log(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such luck >&2; exit 3"]
    with (
        Process.start("luck", command, log=tmp_path / "log") as child,
        pytest.raises(SandboxError, match=r"luck ended with status 3\.(.|\n)*no such luck"),
    ):
        child.wait_until_ready(lambda: False)


def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    with Process.start("sleeper", ["sleep", "600"], log=tmp_path / "log") as child:
        with pytest.raises(SandboxError, match="sleeper was not ready after"):
            child.wait_until_ready(lambda: False, timeout=0.1)
        assert child.returncode is None


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"Cannot start ghost: .*no-such-program"):
        Process.start("ghost", ["no-such-program"], log=tmp_path / "log")


def test_lines_go_both_ways_and_end_with_the_child(tmp_path: Path) -> None:
    with Process.start("echo", ["cat"], log=tmp_path / "log", lines=True) as child:
        child.write_line("hello")
        assert child.read_line() == "hello"
        with pytest.raises(SandboxError, match="echo said nothing"):
            child.read_line(timeout=0.1)
        child.kill()
        assert child.read_line() is None
        with pytest.raises(SandboxError, match="echo has ended"):
            child.write_line("anybody?")


def test_stopping_ends_the_whole_group_even_if_it_will_not_listen(tmp_path: Path) -> None:
    command = ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait; sleep 600"]
    child = Process.start("stubborn", command, log=tmp_path / "log", lines=True)
    below = int(child.read_line() or 0)
    assert child.stop(timeout=0.2) == -9
    assert child.stop() == -9
    wait_until_gone(below)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from service.sandbox.processes import Process
child = Process.start("sleeper", ["sleep", "600"], log=Path({str(tmp_path / "log")!r}))
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    parent = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT, check=False
    )
    assert parent.returncode == -9
    wait_until_gone(int(parent.stdout))
