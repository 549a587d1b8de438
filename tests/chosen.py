"""Which Supabase the tests run on, by TOPUP_TEST_STACK.

unset    the local stack, which needs no Docker
docker   Postgres and PostgREST in containers: see `tests/containers/supabase.py`
url      a project that runs already and has our migrations and seed, such as one of `supabase start`:
           SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_SECRET_KEY
           TOPUP_TEST_DATABASE_URL         as the role postgres
           TOPUP_TEST_ADMIN_DATABASE_URL   as the superuser supabase_admin
           TOPUP_TEST_SIGNING_KEY          the private key of its access tokens, a JWK that stands in
                                           `[auth] signing_keys_path` (`supabase gen signing-key`)
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from service.sandbox.errors import SandboxError
from service.sandbox.supabase import LocalSupabase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager


def choose_supabase() -> AbstractContextManager[LocalSupabase] | None:
    """What TOPUP_TEST_STACK asks for; None is the local stack.

    Raises:
        SandboxError: It asks for something else.
    """
    choice = os.environ.get("TOPUP_TEST_STACK", "")
    if choice == "docker":
        from tests.containers.supabase import start_containers  # noqa: PLC0415 - needs testcontainers

        return start_containers()
    if choice == "url":
        return given_project(os.environ)
    if choice:
        raise SandboxError(f"TOPUP_TEST_STACK is {choice}: leave it out, or set it to docker or url.")
    return None


@contextmanager
def given_project(env: Mapping[str, str]) -> Iterator[LocalSupabase]:
    """The project that the environment describes; it cannot be stopped. A temporary folder takes the log."""
    names = {
        "url": "SUPABASE_URL",
        "publishable_key": "SUPABASE_PUBLISHABLE_KEY",
        "secret_key": "SUPABASE_SECRET_KEY",
        "database_url": "TOPUP_TEST_DATABASE_URL",
        "admin_database_url": "TOPUP_TEST_ADMIN_DATABASE_URL",
        "signing_key": "TOPUP_TEST_SIGNING_KEY",
    }
    missing = [name for name in names.values() if not env.get(name)]
    if missing:
        raise SandboxError(f"TOPUP_TEST_STACK=url needs {', '.join(missing)}.")
    given = {field: env[name] for field, name in names.items()}
    url = given["url"].rstrip("/")
    with TemporaryDirectory(prefix="topup-") as folder:
        keys = {"signing_key": json.loads(given.pop("signing_key"))}
        (Path(folder) / "keys.json").write_text(json.dumps(keys))
        yield LocalSupabase(
            **{**given, "url": url},
            jwks_url=f"{url}/auth/v1/.well-known/jwks.json",
            data_dir=Path(folder),
            process=None,
        )
