"""A strict Stripe on this machine: the pinned API version, in memory, with signed webhooks.

It refuses what Stripe refuses, and what Stripe has but it does not model (`simulator_unsupported`), so that a
program that works here has not been told yes out of politeness. Run it with
`python -m service.sandbox.simulator`, or inside a program:

    with start_simulator() as stripe:
        client = StripeClient(stripe.secret_key, base_addresses={"api": stripe.url})
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.sandbox.errors import SandboxError
from service.sandbox.processes import Process, bind
from service.sandbox.simulator.local_stripe import LocalStripe

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LocalStripe", "start_simulator"]

_ROOT = Path(__file__).parents[3]


@contextmanager
def start_simulator(
    port: int = 0,
    *,
    secret_key: str = "sk_test_topup",  # noqa: S107 - a key of nothing but the simulator
    log: Path | None = None,
    settle_after: float = 1.0,
) -> Iterator[LocalStripe]:
    """Run a simulator in a process of its own, until the block ends.

    Args:
        port: Where on 127.0.0.1; 0 finds a free port.
        secret_key: The key that it accepts; `sk_live_…` makes it a live mode.
        log: The file for what it has to say; a temporary one if None.
        settle_after: Seconds until bank debits settle and pending refunds end.

    Raises:
        SandboxError: The port is taken, or the process did not start.
    """
    with tempfile.TemporaryDirectory(prefix="topup-stripe-") as folder:
        listener = bind(port)
        try:
            process = Process.start(
                "the Stripe simulator",
                [
                    sys.executable,
                    "-m",
                    "service.sandbox.simulator",
                    *("--fd", str(listener.fileno())),
                    *("--secret-key", secret_key),
                    *("--settle-after", str(settle_after)),
                ],
                log=log or Path(folder) / "simulator.log",
                cwd=_ROOT,
                fds=[listener.fileno()],
                lines=True,
            )
        finally:
            # Only the child listens: once it has ended, connecting fails instead of waiting for ever.
            listener.close()
        with process, LocalStripe(**_read_ready(process)) as local:
            yield local


def _read_ready(process: Process) -> dict[str, str]:
    line = process.read_line()
    if line is None:
        process.stop()
        raise SandboxError(f"{process.name} did not start.{process.log_tail()}")
    ready: dict[str, str] = json.loads(line)
    return ready
