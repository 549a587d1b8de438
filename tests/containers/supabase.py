"""The local Supabase with Postgres and PostgREST in containers, on the machine's own network."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from service.sandbox.data_folder import LOCK
from service.sandbox.errors import SandboxError
from service.sandbox.node import PROJECT, check_node, install
from service.sandbox.processes import bind
from service.sandbox.supabase import LocalSupabase, start_supabase
from tests.containers.engine import docker_engine
from tests.containers.stand_ins import build_postgres, build_postgrest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.containers.engine import Engine

POSTGRES_IMAGE = "supabase/postgres:17.11.0.018"
POSTGREST_IMAGE = "postgrest/postgrest:v16.5"
"""What the Supabase CLI 3.1 runs by `supabase start`."""

_PREPARE = Path(__file__).with_name("prepare.mjs")
_SECONDS = 180
_POOL = 10
_PORT_ATTEMPTS = 10


@dataclass(frozen=True)
class ContainerSupabase(LocalSupabase):
    """The stack whose Postgres and PostgREST are containers."""

    postgres: DockerContainer = field(repr=False, compare=False)
    postgrest: DockerContainer = field(repr=False, compare=False)
    postgrest_url: str = field(repr=False, compare=False)

    def stop_postgres(self) -> None:
        """Shut Postgres down; PostgREST stays and answers 503."""
        self.postgres.get_wrapped_container().stop(timeout=30)

    def kill_postgres(self) -> None:
        """End Postgres as a crash would."""
        self.postgres.get_wrapped_container().kill()

    def start_postgres(self) -> None:
        """Start Postgres again, and wait until PostgREST has found it."""
        self.postgres.get_wrapped_container().start()
        _wait(self.postgres, lambda: _accepts(self.admin_database_url))
        # Any connection in its pool may be a dead one, and only its use shows that: use each.
        answered = 0

        def has_recovered() -> bool:
            nonlocal answered
            answered = answered + 1 if _answers(self.postgrest_url) else 0
            return answered > _POOL

        _wait(self.postgrest, has_recovered)

    def stop_postgrest(self) -> None:
        """Shut PostgREST down; the gateway answers 503 for it."""
        self.postgrest.get_wrapped_container().stop(timeout=30)

    def kill_postgrest(self) -> None:
        """End PostgREST with SIGKILL."""
        self.postgrest.get_wrapped_container().kill()

    def start_postgrest(self) -> None:
        """Start PostgREST again, and wait until it has read the schema."""
        self.postgrest.get_wrapped_container().start()
        _wait(self.postgrest, lambda: _answers(self.postgrest_url))


@contextmanager
def start_containers() -> Iterator[ContainerSupabase]:
    """Run the stack on a Docker engine for the length of a `with` block.

    The images are TOPUP_TEST_POSTGRES_IMAGE and TOPUP_TEST_POSTGREST_IMAGE, by default those that Supabase
    publishes; an engine of the tests' own can pull none and gets stand-ins. Host networking is needed.

    Raises:
        SandboxError: There is no engine, or a container does not start.
    """
    check_node()
    install()
    with ExitStack() as exits:
        engine = exits.enter_context(docker_engine())
        if engine.is_own:
            # Ryuk, an image too, removes containers of tests that were killed; here they end with the engine.
            testcontainers_config.ryuk_disabled = True
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="topup-")))
        (folder / LOCK).touch()
        keys = json.loads(_prepare("keys", str(folder)))

        postgres, port = _start(
            engine,
            exits,
            _choose_image("TOPUP_TEST_POSTGRES_IMAGE", POSTGRES_IMAGE, engine, build_postgres),
            lambda port: _postgres_settings(port, keys["password"]),
            lambda port: _accepts(_database_url(port, keys["password"])),
        )
        _prepare("database", str(folder), str(port), str(PROJECT))
        postgrest, rest_port = _start(
            engine,
            exits,
            _choose_image("TOPUP_TEST_POSTGREST_IMAGE", POSTGREST_IMAGE, engine, build_postgrest),
            lambda rest_port: _postgrest_settings(rest_port, port, keys),
            lambda rest_port: _answers(f"http://127.0.0.1:{rest_port}"),
        )
        local = exits.enter_context(
            start_supabase(db_port=port, data=folder, migrate=False, postgrest_port=rest_port)
        )
        yield ContainerSupabase(
            **vars(local),
            postgres=postgres,
            postgrest=postgrest,
            postgrest_url=f"http://127.0.0.1:{rest_port}",
        )


def _choose_image(variable: str, default: str, engine: Engine, make: Callable[[Engine], str]) -> str:
    return os.environ.get(variable) or (make(engine) if engine.is_own else default)


def _postgres_settings(port: int, password: str) -> tuple[list[str], Mapping[str, str]]:
    server = ["postgres", "-D", "/etc/postgresql", "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1"]
    return server, {"POSTGRES_PASSWORD": password}


def _postgrest_settings(
    port: int, database_port: int, keys: Mapping[str, str]
) -> tuple[list[str], Mapping[str, str]]:
    return [], {
        "PGRST_DB_URI": _database_url(database_port, keys["password"], "authenticator"),
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public,extensions",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_POOL": str(_POOL),
        "PGRST_JWT_SECRET": keys["jwks"],
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(port),
        "PGRST_LOG_LEVEL": "warn",
    }


def _database_url(port: int, password: str, role: str = "supabase_admin") -> str:
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/postgres"


def _start(
    engine: Engine,
    exits: ExitStack,
    image: str,
    settings: Callable[[int], tuple[list[str], Mapping[str, str]]],
    is_ready: Callable[[int], bool],
) -> tuple[DockerContainer, int]:
    """Run an image on a port of this machine; if somebody takes the port first, on another."""
    for _ in range(_PORT_ATTEMPTS):
        with bind() as listener:
            port: int = listener.getsockname()[1]
        command, environment = settings(port)
        container = DockerContainer(
            image,
            docker_client_kw={"environment": engine.environment},
            env=dict(environment),
            network_mode="host",
        )
        exits.enter_context(container.with_command(command))
        try:
            _wait(container, partial(is_ready, port))
        except SandboxError:
            if "in use" not in _logs(container):
                raise
        else:
            return container, port
    raise SandboxError(f"{image} found no free port.")


def _wait(container: DockerContainer, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not is_ready():
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        if wrapped.status == "exited" or time.monotonic() > deadline:
            raise SandboxError(f"{container.image} is not ready:\n{_logs(container)[-2000:]}")
        time.sleep(0.05)


def _logs(container: DockerContainer) -> str:
    return b"".join(container.get_logs()).decode(errors="replace")


def _accepts(database_url: str) -> bool:
    try:
        psycopg.connect(database_url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.head(url, timeout=10, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _prepare(*arguments: str) -> str:
    done = subprocess.run(
        ["node", _PREPARE, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise SandboxError(f"{_PREPARE.name} {arguments[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
