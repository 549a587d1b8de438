"""Further copies of the service, with other settings, to be stopped and killed."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox.processes import Process, answers, bind
from service.settings import VARIABLES
from tests.integration.service.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack


@dataclass(frozen=True)
class Copy:
    """One more service, on the same Supabase and the same Stripe account."""

    url: str
    process: Process
    shop: Shop


@contextmanager
def another_service(stack: Stack, **changes: str) -> Iterator[Copy]:
    """Run the service once more with `changes` to its environment; what it logs goes into the stack's log."""
    names = {variable.name for variable in VARIABLES}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    with bind() as listener:
        port = listener.getsockname()[1]
        settings = {**stack.environment, "PORT": str(port), **changes}
        process = Process.start(
            "Another copy of the service",
            [sys.executable, "-m", "service", "serve", "--fd", str(listener.fileno())],
            log=stack.service.log,
            env={**inherited, "NO_PROXY": "127.0.0.1,localhost", **settings},
            fds=[listener.fileno()],
        )
    # Only the child listens: once it has ended, connecting fails instead of waiting for ever.
    url = f"http://127.0.0.1:{port}"
    with process:
        process.wait_until_ready(lambda: answers(f"{url}/health/live"))
        shop = Shop(url, settings["STRIPE_WEBHOOK_SECRET"])
        try:
            yield Copy(url, process, shop)
        finally:
            shop.close()
