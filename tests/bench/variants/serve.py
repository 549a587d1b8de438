"""Serves on the listening socket that the parent has passed on, as descriptor LISTEN_FD."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from service.serve import inherit_listener, run
from service.settings import Settings

if TYPE_CHECKING:
    import socket

    from litestar import Litestar


def main() -> None:
    """Run the service as the environment says."""
    sys.exit(0 if run(Settings.from_env(os.environ), _listener()) else 1)


def run_plain(app: Litestar) -> None:
    """Run another application under the same server."""
    import uvicorn  # noqa: PLC0415 - the service's own start imports it as late

    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([_listener()])


def _listener() -> socket.socket:
    return inherit_listener(int(os.environ["LISTEN_FD"]))


if __name__ == "__main__":
    main()
