"""`python -m service.sandbox.simulator`: serves until SIGTERM; one line of JSON says when it is ready."""

from __future__ import annotations

import argparse
import json
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from service.sandbox.errors import SandboxError
from service.sandbox.processes import bind
from service.sandbox.simulator.app import create_app
from service.sandbox.simulator.auth import is_live, publishable_key
from service.sandbox.simulator.options import Options
from service.sandbox.simulator.protocol import CuttableProtocol
from service.sandbox.simulator.stripe_js.routes import STRIPE_JS_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHUTDOWN_SECONDS = 3

# Longer than any client's own, so that no client finds a connection closed that it was about to use.
_KEEP_ALIVE_SECONDS = 120


class _Server(uvicorn.Server):
    """Prints the ready line once it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._ready, flush=True)  # noqa: T201 - the line that callers wait for


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; the exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    options = Options(
        first_retry=chosen.first_retry,
        longest_retry=chosen.longest_retry,
        settle_after=chosen.settle_after,
    )
    keys = chosen.secret_key or ["sk_test_topup"]
    try:
        listener = socket.socket(fileno=chosen.fd) if chosen.fd is not None else bind(chosen.port)
    except (SandboxError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's complaint
        return 1
    host, port = listener.getsockname()[:2]
    ready = {
        "url": f"http://{host}:{port}",
        "secret_key": keys[0],
        "publishable_key": publishable_key(keys[0]),
        "stripe_js_url": f"http://{host}:{port}{STRIPE_JS_PATH}",
    }
    config = uvicorn.Config(
        create_app(keys, options),
        log_level="warning",
        access_log=False,
        http=CuttableProtocol,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    _Server(config, json.dumps(ready)).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service.sandbox.simulator", description="A strict fake of Stripe."
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--port", type=int, default=12111, help="where to listen on 127.0.0.1; 0 finds a free port"
    )
    place.add_argument("--fd", type=int, help="a listening socket, inherited under this number")
    parser.add_argument(
        "--secret-key",
        action="append",
        type=_secret_key,
        help="a key to accept (sk_test_…, sk_live_…); may be given several times",
    )
    defaults = Options()
    for name, text in (
        ("first-retry", "seconds until a webhook is tried again; doubles with each failure"),
        ("longest-retry", "where the doubling stops"),
        ("settle-after", "seconds until bank debits and pending refunds end"),
    ):
        parser.add_argument(
            f"--{name}",
            type=float,
            metavar="SECONDS",
            default=getattr(defaults, name.replace("-", "_")),
            help=f"{text} (default: %(default)s)",
        )
    return parser


def _secret_key(text: str) -> str:
    try:
        is_live(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


if __name__ == "__main__":
    sys.exit(main())
