"""A Docker engine for the tests: the one that is running, or else one of their own that ends with them."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from service.sandbox.errors import SandboxError
from service.sandbox.processes import Process

_START_SECONDS = 60
_STOP_SECONDS = 60
_COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Engine:
    """A Docker engine, spoken to with the command `docker`.

    `is_own` tells that the tests started it: it holds no image then, and has no network but the machine's.
    """

    environment: Mapping[str, str] = field(repr=False)
    is_own: bool

    def run(self, *command: str, timeout: float = _COMMAND_SECONDS) -> str:
        """What `docker` with these arguments prints on stdout.

        Raises:
            SandboxError: It failed, or took more than `timeout` seconds; what it printed is told.
        """
        done = self.attempt(*command, timeout=timeout)
        if done.returncode != 0:
            raise SandboxError(f"docker {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(self, *command: str, timeout: float = _COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Like `run`, for a command that may fail."""
        try:
            return subprocess.run(
                ["docker", *command],
                env=self.environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            raise SandboxError("The command `docker` is not installed.") from None
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"docker {' '.join(command)} took more than {timeout:.0f} s.") from error


@contextmanager
def docker_engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST or Docker's default names; if none answers there, a new one.

    Raises:
        SandboxError: There is no engine, and none can be started here.
    """
    engine = Engine(os.environ, is_own=False)
    if shutil.which("docker") and engine.attempt("version").returncode == 0:
        yield engine
        return
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        raise SandboxError(
            "These tests need a running Docker engine, or root and Debian's package docker.io."
        )
    with _own_engine() as engine:
        yield engine


# In a mount namespace of its own: the machine sees nothing of it, and all of it is gone when dockerd ends.
_DOCKERD = """
mkdir data
mount -t tmpfs tmpfs data
exec dockerd --host="$DOCKER_HOST" --data-root="$PWD/data" --exec-root="$PWD/exec" --pidfile="$PWD/pid" \
  --bridge=none --iptables=false --ip6tables=false --ip-forward=false
"""


@contextmanager
def _own_engine() -> Iterator[Engine]:
    # Not pytest's folder: a socket's path has room for about a hundred characters.
    with TemporaryDirectory(prefix="topup-docker-") as name:
        folder = Path(name)
        engine = Engine({**os.environ, "DOCKER_HOST": f"unix://{folder}/docker.sock"}, is_own=True)
        with Process.start(
            "dockerd",
            ["unshare", "--mount", "sh", "-euc", _DOCKERD],
            log=folder / "dockerd.log",
            env=engine.environment,
            cwd=folder,
        ) as dockerd:
            dockerd.wait_until_ready(
                lambda: engine.attempt("version").returncode == 0, timeout=_START_SECONDS
            )
            try:
                yield engine
            finally:
                dockerd.stop(timeout=_STOP_SECONDS)
