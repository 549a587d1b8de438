"""Which Supabase the tests run on, by TOPUP_TEST_STACK.

unset    the local stack, which needs no Docker
docker   Postgres and PostgREST in containers: see `tests/containers/supabase.py`
url      a project that runs already and has our migrations and seed, such as one of `supabase start`:
           SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_SECRET_KEY
           TOPUP_TEST_DATABASE_URL         as the role postgres
           TOPUP_TEST_ADMIN_DATABASE_URL   as the superuser supabase_admin
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from service.sandbox.errors import SandboxError
from service.sandbox.supabase import LocalSupabase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class GivenSupabase(LocalSupabase):
    """A project that was not started here: it signs its own tokens, and cannot be stopped."""

    def sign_token(self, claims: Mapping[str, Any]) -> str:
        """Refuse: the key is the project's own."""
        raise SandboxError(f"The signing key of {self.url} is not known, to sign {', '.join(claims)}.")


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
    """The project that the environment describes; a temporary folder takes the service's log."""
    names = {
        "url": "SUPABASE_URL",
        "publishable_key": "SUPABASE_PUBLISHABLE_KEY",
        "secret_key": "SUPABASE_SECRET_KEY",
        "database_url": "TOPUP_TEST_DATABASE_URL",
        "admin_database_url": "TOPUP_TEST_ADMIN_DATABASE_URL",
    }
    missing = [name for name in names.values() if not env.get(name)]
    if missing:
        raise SandboxError(f"TOPUP_TEST_STACK=url needs {', '.join(missing)}.")
    given = {field: env[name] for field, name in names.items()}
    url = given["url"].rstrip("/")
    with TemporaryDirectory(prefix="topup-") as folder:
        yield GivenSupabase(
            **{**given, "url": url},
            jwks_url=f"{url}/auth/v1/.well-known/jwks.json",
            data_dir=Path(folder),
            process=None,
        )
