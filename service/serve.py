"""The service under uvicorn: one process that finishes the requests in flight when it is told to stop.

`python -m service.serve` is configured by the environment alone and starts sooner than `topup serve`.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from service.settings import InvalidSettingsError, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DRAIN_SECONDS: Final = 25
"""How long requests in flight may take after SIGTERM. What stops the service must wait longer."""

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open: longer than proxies do, so they never use a closed one."""

_BACKLOG: Final = 2048


def open_listener(host: str, port: int) -> socket.socket:
    """Listen on `host`:`port`, 0 being any free port. On `::` IPv4 is served too.

    Raises:
        OSError: The address cannot be had; its text says which and why.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error


def inherit_listener(fd: int) -> socket.socket:
    """The listening TCP socket that the parent process has passed on as descriptor `fd`.

    Raises:
        OSError: `fd` is no such socket.
    """
    try:
        listener = socket.socket(fileno=fd)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise OSError(error.errno, f"descriptor {fd} is no socket: {error.strerror}") from error
    if not listens or listener.family not in {socket.AF_INET, socket.AF_INET6}:
        listener.detach()
        raise OSError(f"descriptor {fd} is no listening TCP socket")
    return listener


def open_metrics_listener(settings: Settings) -> socket.socket | None:
    """Listen on the port of the metrics, where there is one. Raises `OSError` as `open_listener` does."""
    return None if settings.metrics_port is None else open_listener(settings.host, settings.metrics_port)


def run(settings: Settings, listener: socket.socket, metrics_listener: socket.socket | None = None) -> bool:
    """Serve until SIGTERM or SIGINT, then let requests in flight finish; False if the start failed.

    The first log line is "listening" with the address, and that of the metrics where they have one, once
    requests are answered; the last is "stopped".
    """
    # The first process of a container gets no default handling; and a stop before the start is no failure.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    # Stripe's SDK would print bodies, client secrets among them, past the application's logs.
    os.environ.pop("STRIPE_LOG", None)

    if metrics_listener is not None:
        settings = replace(settings, metrics_port=metrics_listener.getsockname()[1])
    with _left_out("attr", "attrs", "h2", "pydantic", "pygments", "rich"):
        import structlog  # noqa: PLC0415 - the settings are checked before anything slow is imported
        import uvicorn  # noqa: PLC0415

        from service.app import create_app  # noqa: PLC0415
        from service.http_protocol import BoundedHttpProtocol  # noqa: PLC0415

        app = create_app(settings)

    log = structlog.get_logger()
    addresses = {"url": address_of(listener)}
    listeners = [listener]
    if metrics_listener is not None:
        addresses["metrics_url"] = f"{address_of(metrics_listener)}/metrics"
        listeners.append(metrics_listener)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            # What the start has made stays: the collector need not go through it again and again.
            gc.freeze()
            log.info("listening", **addresses, pid=os.getpid())

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            log.info("stopping", connections=len(self.server_state.connections))
            await super().shutdown(sockets)
            log.info("stopped")

    config = uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,  # the application has set up the logs
        log_level="warning",  # what follows is told below
        access_log=False,  # the application writes a line for each request
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        workers=1,
    )
    server = Server(config)
    try:
        server.run(sockets=listeners)
    except SystemExit as exit_:
        return exit_.code == 0
    return True


def address_of(listener: socket.socket) -> str:
    """The listener's URL as a client on this machine would write it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _left_out(*packages: str) -> Iterator[None]:
    """Do without packages that libraries take along where they find them, and that nothing needs here.

    Litestar knows classes of attrs and pydantic, httpx HTTP/2 and a command line in colours, structlog
    tracebacks in colours. The image has hardly any of them; where others have brought them, a start took a
    third longer.
    """
    absent = [package for package in packages if package not in sys.modules]
    # An entry of None is an ImportError to whoever tries (Python documentation, "The import system").
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # as documented
    try:
        yield
    finally:
        for package in absent:
            del sys.modules[package]


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Serve as the environment says. Exit status: 0 stopped, 1 could not start, 2 wrong settings."""
    try:
        settings = Settings.from_env(os.environ)
        listener = open_listener(settings.host, settings.port)
        metrics_listener = open_metrics_listener(settings)
    except InvalidSettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except OSError as error:
        sys.exit(error.strerror or str(error))
    sys.exit(0 if run(settings, listener, metrics_listener) else 1)


if __name__ == "__main__":
    main()
