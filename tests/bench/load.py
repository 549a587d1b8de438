"""A load generator that costs little: prepared bytes out, answers counted, on one event loop.

Every request is made before the clock starts. What is left for each is one write, one read and a note of the
time: tens of microseconds, so the generator shares the machine with what it measures without being its limit.
`topup bench` measures that too, against a server that answers at once.
"""

from __future__ import annotations

import asyncio
import gc
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

LAST_ANSWERS_SECONDS: Final = 60.0
"""How long the answers that are still due at the end of a run may take."""


class LoadError(Exception):
    """The load could not be made: a connection failed, or answers did not come."""


@dataclass(frozen=True)
class Answer:
    """What came back: whether it was a success, the status or SQLSTATE, the body, and how long it took."""

    ok: bool
    status: str
    body: bytes
    seconds: float


class Wire(asyncio.Protocol, ABC):
    """One connection with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._on_answer: Callable[[Answer], None] | None = None
        self._began = 0.0

    def ask(self, request: bytes, on_answer: Callable[[Answer], None], began: float | None = None) -> None:
        """Send a request; its time runs from `began` (of `time.perf_counter`), or from now."""
        if self._transport is None or self._on_answer is not None:
            raise LoadError("the connection is closed or busy")
        self._on_answer = on_answer
        self._began = time.perf_counter() if began is None else began
        self._transport.write(request)

    async def answer_of(self, request: bytes) -> Answer:
        """Send a request and wait for its answer, outside of any measurement of load."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(request, answered.set_result)
        return await answered

    def close(self) -> None:
        """Close the connection."""
        self._on_answer = None
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop. A request under way has failed."""
        self._transport = None
        if self._on_answer is not None:
            self._finish(ok=False, status=f"connection lost {exc or ''}".strip(), body=b"")

    @abstractmethod
    def data_received(self, data: bytes) -> None:
        """Called by the event loop; calls `_finish` once an answer is whole."""

    def _finish(self, *, ok: bool, status: str, body: bytes) -> None:
        on_answer, self._on_answer = self._on_answer, None
        if on_answer is not None:
            on_answer(Answer(ok, status, body, time.perf_counter() - self._began))


@dataclass
class Run:
    """What one run of load gave.

    Attributes:
        seconds: How long answers were counted.
        latencies: Seconds of each counted answer, ascending.
        accepted: All answers that were a success, those of the warm-up included.
        refused: All others, by status.
        cpu: Processor seconds that the generator itself used.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """The seconds that this share of the answers took at most."""
        if not self.latencies:
            raise LoadError(f"no answer was counted, {dict(self.refused)} were refused")
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]

    def add(self, answer: Answer, *, counted: bool) -> None:
        """Note one answer."""
        if answer.ok:
            self.accepted += 1
            if counted:
                self.latencies.append(answer.seconds)
        else:
            self.refused[answer.status] += 1

    def __add__(self, other: Run) -> Run:
        """Both as one."""
        return Run(
            self.seconds + other.seconds,
            sorted(self.latencies + other.latencies),
            self.accepted + other.accepted,
            self.refused + other.refused,
            self.cpu + other.cpu,
        )


async def closed_loop(
    connect: Callable[[], Awaitable[Wire]],
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    warm_up: float = 0.0,
) -> Run:
    """Keep `connections` busy, each with its next request as soon as it has an answer.

    Ends after `warm_up` and `seconds`, but not before as many answers as connections were counted, or when
    the requests are used up. Every request that was begun is waited for.
    """
    wires = [await connect() for _ in range(connections)]
    run = Run()
    left = iter(requests)
    done = asyncio.Event()
    busy = connections
    ended = 0.0
    counting = time.perf_counter() + warm_up
    deadline = counting + seconds

    def advance(wire: Wire) -> None:
        nonlocal busy, ended
        now = time.perf_counter()
        enough = now >= deadline and len(run.latencies) >= connections
        request = None if enough else next(left, None)
        if request is None:
            # From here on not all connections are busy: later answers say nothing of this load.
            ended = ended or now
            busy -= 1
            if not busy:
                done.set()
            return
        wire.ask(request, lambda answer: took(wire, answer))

    def took(wire: Wire, answer: Answer) -> None:
        run.add(answer, counted=not ended and time.perf_counter() >= counting)
        advance(wire)

    with _undisturbed(run):
        for wire in wires:
            advance(wire)
        await _wait(done, warm_up + seconds)
    for wire in wires:
        wire.close()
    run.seconds = max(ended - counting, 0.0)
    run.latencies.sort()
    return run


async def open_loop(
    connect: Callable[[], Awaitable[Wire]],
    requests: Sequence[bytes],
    per_second: float,
    then: Callable[[int, float, Callable[[Answer], None]], None],
) -> Run:
    """Begin a request at each due time, whether or not earlier ones are answered.

    A request's time runs from when it was due, also where it had to wait for a connection: a server that
    stalls does not get fewer requests for it (no coordinated omission). Each success goes on to
    `then(number, due, finish)`, which calls `finish` with the answer that ends the measurement.
    """
    run = Run()
    idle: deque[Wire] = deque([await connect() for _ in range(16)])
    waiting: deque[tuple[int, float]] = deque()
    done = asyncio.Event()
    ended = 0

    def begin(number: int, due: float) -> None:
        if not idle:
            waiting.append((number, due))
            return
        wire = idle.pop()
        wire.ask(requests[number], lambda answer: answered(wire, number, due, answer), due)

    def answered(wire: Wire, number: int, due: float, answer: Answer) -> None:
        idle.append(wire)
        if waiting:
            begin(*waiting.popleft())
        if answer.ok:
            then(number, due, finish)
        else:
            finish(answer)

    def finish(answer: Answer) -> None:
        nonlocal ended
        run.add(answer, counted=True)
        ended += 1
        if ended == len(requests):
            done.set()

    loop = asyncio.get_running_loop()
    with _undisturbed(run):
        # The loop's timers count whole milliseconds, so due times stand on them.
        started, clock = loop.time(), time.perf_counter()
        for number in range(len(requests)):
            after = number / per_second
            loop.call_at(started + after, begin, number, clock + after)
        await _wait(done, len(requests) / per_second)
        run.seconds = time.perf_counter() - clock
    for wire in idle:
        wire.close()
    run.latencies.sort()
    return run


async def _wait(done: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds + LAST_ANSWERS_SECONDS):
            await done.wait()
    except TimeoutError:
        raise LoadError("answers are still missing long after the load has ended") from None


@contextmanager
def _undisturbed(run: Run) -> Iterator[None]:
    """Keep the garbage collector away from the prepared requests, and note the processor time."""
    gc.collect()
    gc.freeze()
    gc.disable()
    used = time.process_time()
    try:
        yield
    finally:
        run.cpu = time.process_time() - used
        gc.enable()
        gc.unfreeze()
