"""Whether the process runs, and whether it can do its work."""

import asyncio
import time
from typing import Final, Literal

import structlog
from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from service.contract import READY_RESPONSES
from service.errors import TopupError, UnavailableError
from service.ledger import SCHEMA_VERSION, Ledger

VALID_FOR: Final = 1.0
"""Seconds that an answer is given again, so that nobody can press on the database through it."""

PATIENCE: Final = 5.0
"""Seconds after which the database counts as unreachable."""

log = structlog.get_logger()


class Health(Struct, kw_only=True):
    """The answer of a healthy service."""

    success: Literal[True] = True
    data: dict[str, str]


class NotReadyError(UnavailableError):
    """The service cannot do its work now. The words tell where to look and nothing about the place."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(code)
        self.message = message


class Readiness:
    """Asks the database, one question at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asking = asyncio.Lock()
        self._valid_until = 0.0
        self._problem: NotReadyError | None = None

    async def check(self) -> None:
        """Raise `NotReadyError` unless PostgREST answers and the schema is at least the one needed here."""
        async with self._asking:
            if time.monotonic() >= self._valid_until:
                self._problem = await self._ask()
                self._valid_until = time.monotonic() + VALID_FOR
        if self._problem is not None:
            raise NotReadyError(self._problem.message, self._problem.code)

    async def _ask(self) -> NotReadyError | None:
        try:
            async with asyncio.timeout(PATIENCE):
                version = await self._ledger.schema_version()
        except (UnavailableError, TimeoutError) as error:
            return NotReadyError(
                "Not ready: the database cannot be reached", getattr(error, "code", "timeout")
            )
        except TopupError as error:
            return NotReadyError("Not ready: the database refuses this service", error.code)
        if version < SCHEMA_VERSION:
            return NotReadyError("Not ready: the database needs its migrations", f"schema_version_{version}")
        return None


@get("/live", summary="Liveness")
async def get_live() -> Health:
    """Answer 200 while the process serves requests."""
    return Health(data={"status": "live"})


@get("/ready", summary="Readiness", responses=READY_RESPONSES)
async def get_ready(readiness: NamedDependency[Readiness]) -> Health:
    """Answer 200 while the database can be reached and has the schema that this service needs, else 503."""
    await readiness.check()
    return Health(data={"status": "ready"})
