"""`topup serve` as a process: its socket, its signals, and the limits below the application."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.http_protocol import MAX_OVERHEAD
from tests import loopback
from tests.integration.service.waiting import PATIENCE, eventually
from tests.listening import listens

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

SETTINGS = {
    "SUPABASE_URL": "http://127.0.0.1:9",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test",
    "SUPABASE_SECRET_KEY": "sb_secret_test",
    "STRIPE_SECRET_KEY": "sk_test_abc",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef",
    "STRIPE_API_BASE": "http://127.0.0.1:9",
}
SERVE = ["-m", "service", "serve"]


def wait(process: subprocess.Popen[str]) -> int:
    return process.wait(timeout=PATIENCE)


def read_log(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


@contextmanager
def serving(
    *arguments: str, env: dict[str, str] | None = None, fds: tuple[int, ...] = ()
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process, and the port that it serves on."""
    with serving_and_telling(*arguments, env=env, fds=fds) as (process, listening):
        yield process, httpx.URL(listening["url"]).port or 0


@contextmanager
def serving_and_telling(
    *arguments: str, env: dict[str, str] | None = None, fds: tuple[int, ...] = ()
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process, and its first line of log."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **SETTINGS, "PORT": "0", **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=fds,
    ) as process:
        try:
            listening = read_log(process)
            assert listening["event"] == "listening"
            yield process, listening
        finally:
            process.kill()


@pytest.fixture(scope="module", name="port")
def serve_for_all() -> Iterator[int]:
    """The port of one service for the tests that leave it running."""
    with serving(*SERVE) as (_, port):
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def get_live(host: str, port: int) -> httpx.Response:
    return loopback.get(f"http://{host}:{port}/health/live")


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


@pytest.mark.parametrize("arguments", [SERVE, ["-m", "service.serve"]], ids=["topup", "module"])
def test_port_0_is_reported_and_sigterm_ends_with_status_0(arguments: list[str]) -> None:
    with serving(*arguments) as (process, port):
        assert get_live("127.0.0.1", port).json()["success"] is True
        process.send_signal(signal.SIGTERM)
        assert wait(process) == 0


def test_sigint_ends_with_status_0() -> None:
    with serving(*SERVE) as (process, _):
        process.send_signal(signal.SIGINT)
        assert wait(process) == 0


def test_inherited_socket_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        expected = listener.getsockname()[1]
        with serving(*SERVE, "--fd", str(listener.fileno()), fds=(listener.fileno(),)) as (_, port):
            assert port == expected
            assert get_live("127.0.0.1", port).is_success


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_both_families_are_served_on_the_unspecified_address() -> None:
    with serving(*SERVE, "--host", "::") as (_, port):
        assert get_live("127.0.0.1", port).is_success
        assert get_live("[::1]", port).is_success


def test_metrics_have_a_port_of_their_own_that_is_stopped_with_the_other() -> None:
    with serving_and_telling(*SERVE, env={"TOPUP_METRICS_PORT": "0"}) as (process, listening):
        assert loopback.get(listening["metrics_url"]).text.startswith("# HELP topup_")
        assert loopback.get(f"{listening['url']}/metrics").status_code == 404
        process.send_signal(signal.SIGTERM)
        assert wait(process) == 0


def test_request_in_flight_is_finished_after_sigterm() -> None:
    with serving(*SERVE) as (process, port), connect(port) as client:
        client.sendall(
            b"POST /api/stripe/webhook HTTP/1.1\r\nhost: topup\r\n"
            b"content-length: 4\r\nexpect: 100-continue\r\n\r\n"
        )
        # The application is waiting for the body now.
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGTERM)
        eventually(lambda: not listens(f"http://127.0.0.1:{port}"), "nothing more is taken")
        client.sendall(b'{"a}')
        assert read_all(client).startswith(b"HTTP/1.1 400 ")
        assert wait(process) == 0


def test_server_says_nothing_about_itself(port: int) -> None:
    assert "server" not in get_live("127.0.0.1", port).headers


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        (b"GET /", b"a" * 8192),
        (b"GET / HTTP/1.1\r\nx: ", b"a" * 8192),
        (b"GET / HTTP/1.1\r\n", b"x: " + b"a" * 8187 + b"\r\n"),
        (b"POST /api/stripe/webhook HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;", b"a" * 8192),
    ],
    ids=["path", "header", "headers", "chunk extension"],
)
def test_endless_head_is_refused(port: int, start: bytes, endless: bytes) -> None:
    with connect(port) as client:
        client.sendall(start)
        sent = 0
        try:
            while sent < 64 * 1024 * 1024:
                sent += client.send(endless)
        except ConnectionError:
            pass
        else:
            pytest.fail("64 MB of head were taken")
        assert get_live("127.0.0.1", port).is_success


@pytest.mark.parametrize(
    ("head", "status", "error"),
    [
        (b"GET / HTTP/1.1\r\nx: ".ljust(MAX_OVERHEAD + 1, b"a"), 431, "The request head is too large"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "Invalid HTTP request"),
    ],
    ids=["large head", "no HTTP"],
)
def test_what_never_reaches_the_application_is_answered_in_the_envelope(
    port: int, head: bytes, status: int, error: str
) -> None:
    with connect(port) as client:
        client.sendall(head)
        answer, _, body = read_all(client).partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body) == {"success": False, "error": error}


def test_body_does_not_count_as_head(port: int) -> None:
    url = f"http://127.0.0.1:{port}/api/stripe/webhook"
    answer = loopback.post(url, content=b"a" * 200_000)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid signature"


def test_taken_port_is_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments in (SERVE, ["-m", "service.serve"]):
            ended = subprocess.run(
                [sys.executable, *arguments],
                env={**os.environ, **SETTINGS, "PORT": str(port)},
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert ended.returncode == 1
            assert ended.stderr.count("\n") == 1
            assert f"cannot listen on 127.0.0.1 port {port}" in ended.stderr


def test_descriptor_that_is_no_listening_socket_is_refused() -> None:
    with socket.socket() as deaf:
        for fd, told in ((deaf.fileno(), "no listening TCP socket"), (0, "no socket")):
            ended = subprocess.run(
                [sys.executable, *SERVE, "--fd", str(fd)],
                env={**os.environ, **SETTINGS},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                pass_fds=[deaf.fileno()],
                timeout=PATIENCE,
                check=False,
            )
            assert ended.returncode == 1
            assert f"error: descriptor {fd} is {told}" in ended.stderr
