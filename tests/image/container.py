"""The image, run as a production host runs it: read-only, without capabilities, beside nothing else."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.sandbox.processes import bind
from tests.containers.engine import Engine

PATIENCE = 60.0
"""Seconds to wait for what takes one or two on a quiet machine."""

_PORT_ATTEMPTS = 10


@dataclass(frozen=True)
class Container:
    """A running container of the service."""

    engine: Engine
    name: str
    url: str

    @property
    def state(self) -> dict[str, Any]:
        """Docker's account of it: Status, ExitCode, Health and more."""
        state: dict[str, Any] = json.loads(
            self.engine.run("inspect", "--format", "{{json .State}}", self.name)
        )
        return state

    def logs(self) -> str:
        """What it wrote to stdout and stderr."""
        done = self.engine.attempt("logs", self.name)
        return done.stdout + done.stderr

    def has_begun(self) -> bool:
        """Whether it listens, or has given up."""
        return '"listening"' in self.logs() or self.state["Status"] == "exited"

    def execute(self, *command: str) -> str:
        """What a command inside prints on stdout; `SandboxError` if it fails."""
        return self.engine.run("exec", self.name, *command)

    def wait_until_healthy(self) -> None:
        """Wait for Docker's own health check to pass."""
        wait_until(lambda: self.state["Health"]["Status"] == "healthy", self.logs)


def wait_until(condition: Callable[[], bool], explain: Callable[[], str] = str) -> None:
    """Ask `condition` until it says yes, for at most PATIENCE seconds; then fail with what `explain` says."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)


def run_service(engine: Engine, image: str, configure: Callable[[str], Mapping[str, str]]) -> Container:
    """Start the service on a port of this machine; `configure` gives its settings for that address.

    The port is free when it is chosen. If somebody else takes it before the service does, another is tried.
    """
    for _ in range(_PORT_ATTEMPTS):
        with bind() as listener:
            port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        settings = {**configure(url), "HOST": "127.0.0.1", "PORT": str(port)}
        variables = [f"--env={name}={value}" for name, value in settings.items()]
        hardening = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=256m"]
        started = ["run", "--detach", "--network=host", "--health-interval=1s", *hardening, *variables, image]
        container = Container(engine, engine.run(*started).strip(), url)
        wait_until(container.has_begun, container.logs)
        if "cannot listen" not in container.logs():
            return container
    raise AssertionError(container.logs())
