"""Child processes that never outlive their parent, and the sockets handed to them."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from typing import IO, TYPE_CHECKING, Self

from service.sandbox.errors import SandboxError
from service.sandbox.ports import find_port_holder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_POLL_SECONDS = 0.05
_BACKLOG = 1024

# A parent killed with -9 runs no cleanup. Its end closes the guard's stdin, and the guard ends the group.
_GUARD = """
read -r over && exit
kill -s TERM -- "-$1"
tries=0
while kill -s 0 -- "-$1" && [ "$tries" -lt 150 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL -- "-$1"
"""


def bind(port: int = 0) -> socket.socket:
    """Listen on 127.0.0.1:`port`, 0 meaning any free port; the socket is for a child that takes an fd.

    Raises:
        SandboxError: The port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if isinstance(error, PermissionError):
            raise SandboxError(f"Port {port} is kept for root: choose one above 1023.") from error
        raise port_taken(port) from error
    return listener


def port_taken(port: int) -> SandboxError:
    """The error for a port that somebody else listens on, naming them if the kernel tells."""
    holder = find_port_holder(port)
    by = f" by {holder}" if holder else ""
    return SandboxError(f"Port {port} is taken{by}: stop what uses it, or choose another port.")


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 2xx now: a probe for `Process.wait_until_ready`."""
    try:
        _direct.open(url, timeout=5).close()
    except OSError:  # refused, timed out, or an HTTP error: urllib derives them all from it
        return False
    return True


# Loopback is reached directly, whatever proxy the environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Process:
    """A child in its own process group, with its log in a file; it ends when its parent does.

    Made with `Process.start`. As a context manager it stops the group on the way out.
    The child's stdin is a pipe that closes when the parent ends.
    """

    def __init__(
        self, name: str, popen: subprocess.Popen[str], guard: subprocess.Popen[str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._popen = popen
        self._guard = guard
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None
        if popen.stdout is not None:
            self._reader = threading.Thread(target=self._read_lines, args=(popen.stdout,), daemon=True)
            self._reader.start()

    @classmethod
    def start(  # noqa: PLR0913 - what a process needs is named at the call
        cls,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        fds: Sequence[int] = (),
        lines: bool = False,
    ) -> Self:
        """Spawn `command`.

        Args:
            name: What errors call it.
            command: The program and its arguments.
            log: The file that stderr is appended to, and stdout too unless `lines`.
            env: The whole environment; the parent's if None.
            cwd: The child's working directory.
            fds: Descriptors that the child inherits under the same numbers.
            lines: Keep stdout out of the log and hand it over by `read_line`.

        Raises:
            SandboxError: The program does not exist or the log cannot be written.
        """
        try:
            with log.open("a") as log_file:
                popen = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE if lines else log_file,
                    stderr=log_file,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    pass_fds=fds,
                    process_group=0,
                    text=True,
                )
        except OSError as error:
            raise SandboxError(f"Cannot start {name}: {error}.") from error
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(popen.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
            text=True,
        )
        return cls(name, popen, guard, log)

    @property
    def pid(self) -> int:
        """The child's process id, which is its group's too."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, else its exit status (minus the signal that ended it)."""
        return self._popen.poll()

    def wait_until_ready(self, probe: Callable[[], bool], *, timeout: float = 60) -> None:
        """Ask `probe` until it says yes.

        Raises:
            SandboxError: The process ended first, or `timeout` seconds passed; the log's tail is told.
        """
        deadline = time.monotonic() + timeout
        while not probe():
            if time.monotonic() > deadline:
                raise SandboxError(f"{self.name} was not ready after {timeout:.0f} s.{self.log_tail()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._popen.wait(_POLL_SECONDS)
                raise SandboxError(f"{self.name} ended with status {status}.{self.log_tail()}")

    def read_line(self, *, timeout: float = 60) -> str | None:
        """The next line that it prints on stdout (`lines=True`), without its end; None once stdout is closed.

        Raises:
            SandboxError: `timeout` seconds passed; the log's tail is told.
        """
        try:
            return self._lines.get(timeout=timeout)
        except queue.Empty:
            raise SandboxError(f"{self.name} said nothing for {timeout:.0f} s.{self.log_tail()}") from None

    def write_line(self, line: str) -> None:
        """Send one line to its stdin.

        Raises:
            SandboxError: The process has ended.
        """
        try:
            print(line, file=self._popen.stdin, flush=True)
        except (OSError, ValueError) as error:
            raise SandboxError(f"{self.name} has ended.{self.log_tail()}") from error

    def log_tail(self, lines: int = 15) -> str:
        """The log's last lines, set to follow a sentence; empty if there is no log."""
        try:
            tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return ""
        return "".join(f"\n  {line}" for line in [f"The end of {self.log}:", *tail]) if tail else ""

    def kill(self) -> None:
        """SIGKILL the whole group, as a crash would."""
        self._signal_group(signal.SIGKILL)
        self._popen.wait()

    def stop(self, *, timeout: float = 20) -> int:
        """SIGTERM the group, wait, SIGKILL what is left after `timeout` seconds; its exit status."""
        if self._guard.returncode is not None:
            return self._popen.wait()
        if self._popen.poll() is None:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        self._signal_group(signal.SIGKILL)
        status = self._popen.wait()
        with contextlib.suppress(BrokenPipeError):
            self._guard.communicate("over\n")
        if self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.close()
        if self._reader is not None:
            self._reader.join()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _signal_group(self, number: signal.Signals) -> None:
        # An empty group is ProcessLookupError on Linux, PermissionError on macOS.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)

    def _read_lines(self, stdout: IO[str]) -> None:
        with stdout:
            for line in stdout:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
