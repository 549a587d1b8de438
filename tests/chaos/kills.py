"""SIGKILL for one part after the other, each while requests are in flight, and its restart."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg

from service.sandbox.errors import SandboxError
from tests.chaos.persistent import PATIENCE
from tests.chaos.restarts import wait_for_traffic

if TYPE_CHECKING:
    from random import Random

    from service.sandbox.stack import Stack
    from tests.chaos.persistent import PersistentClient

VICTIMS: Final = {"service": 5, "PostgREST": 5, "Postgres": 4, "a backend of Postgres": 2}
"""What is killed, and how often."""

_LONGEST_WAIT = 0.05
"""Seconds: about what a purchase takes, so that a kill strikes any of its steps."""

_POLL = 0.01


@dataclass(frozen=True)
class Kill:
    """One kill: of what, with how many requests in flight, and how many failed until it was back."""

    victim: str
    in_flight: int
    failed: int


class Killer:
    """Kills and restarts, one part at a time."""

    def __init__(self, stack: Stack, client: PersistentClient, random: Random) -> None:
        self._stack = stack
        self._client = client
        self._random = random
        self._one_at_a_time = asyncio.Lock()
        self.kills: list[Kill] = []

    async def kill(self, victim: str) -> None:
        """Kill a part in the middle of the traffic, and start it again once its absence was felt."""
        async with self._one_at_a_time:
            await asyncio.sleep(self._random.uniform(0, _LONGEST_WAIT))
            await wait_for_traffic(self._client)
            in_flight, failures = self._client.in_flight, self._client.failures
            match victim:
                case "service":
                    self._stack.kill_service()
                    await asyncio.to_thread(self._stack.restart_service)
                case "PostgREST":
                    self._stack.supabase.kill_postgrest()
                    await self._wait_for_failures(failures)
                    await asyncio.to_thread(self._stack.supabase.start_postgrest)
                case "Postgres":
                    os.kill(self._postmaster(), signal.SIGKILL)
                    await self._wait_for_failures(failures)
                    await asyncio.to_thread(self._start_postgres)
                case _:
                    # The postmaster ends all its other children then, and recovers by itself.
                    await asyncio.to_thread(self._kill_backend)
                    await self._wait_for_failures(failures)
            await asyncio.to_thread(self._stack.wait_for_service)
            self.kills.append(Kill(victim, in_flight, self._client.failures - failures))

    async def _wait_for_failures(self, before: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._client.failures == before:
            assert time.monotonic() < deadline, "nobody has noticed"
            await asyncio.sleep(_POLL)

    def _postmaster(self) -> int:
        return int((self._stack.supabase.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])

    def _start_postgres(self) -> None:
        """Start Postgres; it refuses as long as a backend of the dead postmaster has not ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._stack.supabase.start_postgres()
            except SandboxError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)
            else:
                return

    def _kill_backend(self) -> None:
        """Kill one that serves PostgREST, at work if there is one."""
        with psycopg.connect(self._stack.supabase.admin_database_url) as connection:
            row = connection.execute(
                "select pid from pg_stat_activity where usename = 'authenticator' "
                "order by state = 'active' desc"
            ).fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGKILL)
