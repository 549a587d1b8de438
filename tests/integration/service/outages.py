"""Parts of Supabase that go away, and come back whatever the test does meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack


@contextmanager
def without_postgres(stack: Stack) -> Iterator[None]:
    """Postgres shut down for the length of a `with` block."""
    stack.supabase.stop_postgres()
    try:
        yield
    finally:
        stack.supabase.start_postgres()
        stack.wait_for_service()


@contextmanager
def without_postgrest(stack: Stack) -> Iterator[None]:
    """PostgREST shut down for the length of a `with` block."""
    stack.supabase.stop_postgrest()
    try:
        yield
    finally:
        stack.supabase.start_postgrest()
        stack.wait_for_service()
