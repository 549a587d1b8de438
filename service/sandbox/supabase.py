"""The local Supabase stack: Postgres, PostgREST and auth behind one address, without Docker."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt

from service.sandbox.data_folder import data_folder, name_holder
from service.sandbox.errors import SandboxError
from service.sandbox.node import LOCAL_STACK, PROJECT, check_node, install
from service.sandbox.processes import Process, bind, port_taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_START_SECONDS = 180
_COMMAND_SECONDS = 60


@dataclass(frozen=True)
class LocalSupabase:
    """A running stack: its addresses and keys, and the handles that a test of an outage needs."""

    url: str
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    database_url: str = field(repr=False)
    """As the role `postgres`, which runs migrations and is no superuser."""
    admin_database_url: str = field(repr=False)
    """As the superuser `supabase_admin`."""
    jwks_url: str
    data_dir: Path
    process: Process | None = field(repr=False, compare=False)
    """None for a project that was not started here, which cannot be stopped here either."""

    def stop_postgres(self) -> None:
        """Shut Postgres down; PostgREST stays and answers 503."""
        self._command("stop postgres")

    def kill_postgres(self) -> None:
        """End Postgres as a crash would; `start_postgres` recovers what was committed."""
        self._command("kill postgres")

    def start_postgres(self) -> None:
        """Start Postgres again, and wait until PostgREST has found it."""
        self._command("start postgres")

    def stop_postgrest(self) -> None:
        """Shut PostgREST down; the gateway answers 503 for it."""
        self._command("stop postgrest")

    def kill_postgrest(self) -> None:
        """End PostgREST with SIGKILL."""
        self._command("kill postgrest")

    def start_postgrest(self) -> None:
        """Start PostgREST again, and wait until it has read the schema."""
        self._command("start postgrest")

    def sign_token(self, claims: Mapping[str, Any]) -> str:
        """Sign `claims` as an access token with the stack's own ES256 key."""
        key = json.loads((self.data_dir / "keys.json").read_text())["signing_key"]
        return jwt.encode(dict(claims), jwt.PyJWK(key).key, "ES256", headers={"kid": key["kid"]})

    @property
    def pid(self) -> int:
        """The process whose end is the stack's."""
        return self._started().pid

    def _command(self, line: str) -> None:
        process = self._started()
        process.write_line(line)
        _answer(process, timeout=_COMMAND_SECONDS)

    def _started(self) -> Process:
        if self.process is None:
            raise SandboxError("This Supabase project was not started here.")
        return self.process


@contextmanager
def start_supabase(  # noqa: PLR0913 - each is a choice of the caller, named at the call
    port: int = 0,
    db_port: int = 0,
    data: Path | None = None,
    *,
    fresh: bool = False,
    migrate: bool = True,
    project: Path = PROJECT,
    postgrest_port: int | None = None,
) -> Iterator[LocalSupabase]:
    """Run the stack for the length of a `with` block.

    Args:
        port: The gateway's port on 127.0.0.1; 0 for any.
        db_port: Postgres's port on 127.0.0.1; 0 for any.
        data: Where the database, keys and logs are kept; None for a temporary folder.
        fresh: Whether to start from an empty database.
        migrate: Whether to apply the project's migrations and seed, with the Supabase CLI.
        project: The folder that holds `supabase/` with config.toml, migrations and seed.
        postgrest_port: Where a PostgREST runs already, as Postgres then does on `db_port`; None to run both.

    Raises:
        SandboxError: Node.js is missing, a port is taken, an earlier Postgres still runs, the disk is full, a
            migration fails: whatever it is, the message says what to do.
    """
    check_node()
    install()
    with data_folder(data) as (folder, lock), bind(port) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = ["node", str(LOCAL_STACK / "start.mjs"), "--data", str(folder), "--project", str(project)]
        command += ["--url", url, "--fd", str(listener.fileno()), "--db-port", str(db_port)]
        command += [] if postgrest_port is None else ["--postgrest-port", str(postgrest_port)]
        command += [*([] if migrate else ["--no-migrate"]), *(["--fresh"] if fresh else [])]
        with Process.start(
            "The local Supabase stack",
            command,
            log=folder / "stack.log",
            env=_environment(),
            fds=[listener.fileno()],
            lines=True,
        ) as process:
            # It outlives a parent that is killed, for a moment; the next stack waits for it.
            name_holder(lock, process.pid)
            listener.close()
            ready = _answer(process, timeout=_START_SECONDS)
            yield LocalSupabase(**{**ready, "data_dir": folder}, process=process)


def _answer(process: Process, *, timeout: float) -> dict[str, Any]:
    line = process.read_line(timeout=timeout)
    if line is None:
        raise SandboxError(f"{process.name} ended.{process.log_tail()}")
    answer: dict[str, Any] = json.loads(line)
    if "port" in answer:
        raise port_taken(answer["port"])
    if "error" in answer:
        raise SandboxError(answer["error"])
    return answer


def _environment() -> dict[str, str]:
    """Without libpq's variables: they would lead the stack's own connections elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "DO_NOT_TRACK": "1"}
