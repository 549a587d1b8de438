"""Locks that let a test stop the database in the middle of its work."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from service.sandbox.stack import Stack


@contextmanager
def account_locked(stack: Stack, user_id: UUID) -> Iterator[None]:
    """Hold the user's account, so that whoever would credit it waits in the middle of it."""
    with psycopg.connect(stack.supabase.database_url) as connection:
        connection.execute("select from credits.accounts where user_id = %s for update", [user_id])
        yield
        # The server may have gone down meanwhile, which lets the lock go as well.
        connection.close()
