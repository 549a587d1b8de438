"""Starting: how long until the first answer, and how much memory it takes then and after many webhooks."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from service.sandbox.node import PROJECT
from service.sandbox.processes import Process, bind
from tests.bench.figures import Figure, at_most, milliseconds, ratio
from tests.bench.load import LoadError, closed_loop
from tests.bench.servers import ALL_IMPORTED, BARE, OURS, environment, start_server
from tests.bench.wires import http_request, to_http

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.figures import Goal
    from tests.bench.ground import Ground
    from tests.bench.servers import Server

ROUNDS: Final = 7
MANY: Final = 10_000
LONG: Final = 100_000
"""Webhooks after which memory is looked at; the second on request."""

_IDLE_SECONDS: Final = 0.5
_PROBE: Final = http_request("GET", "/health/live", {})


def measure_cold_start(ground: Ground, rounds: int = ROUNDS) -> list[Figure]:
    """Process start to the first 200, in turn, the median; a first round only compiles bytecode."""
    taken: dict[str, list[float]] = {"ours": [], "everything imported": [], "bare Litestar": []}
    commands = dict(zip(taken, (OURS, ALL_IMPORTED, BARE), strict=True))
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds = _first_answer(command, ground)
            if number:
                taken[name].append(seconds)
    medians = {name: median(seconds) for name, seconds in taken.items()}
    return [
        ratio(
            "cold start: ours / everything imported",
            medians["ours"] / medians["everything imported"],
            at_most(0.6),
        ),
        *(milliseconds(f"cold start: {name}", seconds) for name, seconds in medians.items()),
    ]


def _first_answer(command: Sequence[str], ground: Ground) -> float:
    """Seconds from the process's start until it has answered a request that waited for it."""
    with bind() as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port), timeout=60)
        client.sendall(_PROBE)
        started = time.perf_counter()
        process = Process.start(
            command[-1], command, log=ground.logs / "start.log",
            env=environment(ground.settings, listener.fileno()), cwd=PROJECT, fds=[listener.fileno()],
        )  # fmt: skip
    with process, client:
        answer = client.recv(4096)
        taken = time.perf_counter() - started
        if not answer.startswith(b"HTTP/1.1 200"):
            raise LoadError(f"{command[-1]} answers {answer[:80]!r}.{process.log_tail()}")
    return taken


async def measure_memory(ground: Ground, *, long: bool = False, many: int = MANY) -> list[Figure]:
    """Resident memory after the start and after many webhooks, 16 at a time."""
    with start_server(OURS, ground.settings, ground.logs / "memory.log", probe="/health/ready") as server:
        _wait_until_idle(server)
        figures = [_memory("resident memory after the start", server)]
        await _credit(ground, server, many)
        figures.append(_memory(f"resident memory after {many:,} webhooks", server, at_most(80)))
        if long:
            for _ in range(LONG // many - 1):
                await _credit(ground, server, many)
            later = _memory(f"resident memory after {LONG:,} webhooks", server)
            growth = later.value / figures[-1].value
            figures += [later, ratio(f"resident memory, {LONG:,} / {many:,} webhooks", growth, at_most(1.05))]
    ground.audit()
    return figures


async def _credit(ground: Ground, server: Server, count: int) -> None:
    purchases = ground.open_purchases(count)
    requests = [ground.webhooks.request(purchase) for purchase in purchases]
    run = await closed_loop(to_http(server.url), requests, 16, 3600)
    ground.prove(f"{count:,} webhooks", purchases, run)


def _memory(name: str, server: Server, goal: Goal | None = None) -> Figure:
    return Figure(name, server.memory / 1e6, "MB", goal)


def _wait_until_idle(server: Server) -> None:
    """Wait for the end of what a start leaves to the background: it uses no processor time any more."""
    stat = Path(f"/proc/{server.process.pid}/stat")
    used = None
    while used != (used := stat.read_text().rpartition(")")[2].split()[11:13]):
        time.sleep(_IDLE_SECONDS)
