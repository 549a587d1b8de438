"""Everything together: the local Supabase, Stripe or its simulator, and the service between them."""

from __future__ import annotations

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import httpx

from service.event_types import HANDLED_EVENT_TYPES, WEBHOOK_PATH
from service.sandbox.errors import SandboxError
from service.sandbox.processes import Process, answers, bind
from service.sandbox.simulator import start_simulator
from service.sandbox.supabase import start_supabase
from service.settings import STRIPE_API_BASE, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from pathlib import Path

    from service.sandbox.simulator import LocalStripe
    from service.sandbox.supabase import LocalSupabase

_T = TypeVar("_T")


@dataclass(frozen=True)
class Ports:
    """Where each part listens on 127.0.0.1; 0 is any free port."""

    supabase: int = 0
    database: int = 0
    service: int = 0
    stripe: int = 0


@dataclass(frozen=True)
class HostedStripe:
    """Stripe itself, in test mode. `stripe listen` brings its events and has a webhook secret of its own."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    publishable_key: str = ""
    """The key for pages; empty if there is none to show them with."""
    url: str = STRIPE_API_BASE

    @property
    def stripe_js_url(self) -> str:
        """The script for pages, of the API version's line."""
        from stripe import api_version  # noqa: PLC0415 - slow to import

        return f"https://js.stripe.com/{api_version.partition('.')[2]}/stripe.js"


@dataclass
class Stack:
    """A running stack: addresses and keys, and the handles that a test of the service's death needs.

    While the service is down its port still takes connections; they wait, and are served after a restart.
    `supabase` has handles for the death of Postgres and PostgREST.
    """

    supabase: LocalSupabase
    stripe: LocalStripe | HostedStripe
    service_url: str
    environment: Mapping[str, str] = field(repr=False)
    """The service's settings, as its environment variables."""
    service: Process = field(repr=False)
    _listener: socket.socket = field(repr=False)

    @property
    def webhook_secret(self) -> str:
        """What signs the events that the service accepts."""
        return self.environment["STRIPE_WEBHOOK_SECRET"]

    @property
    def simulator(self) -> LocalStripe:
        """The Stripe simulator; `SandboxError` where Stripe itself is used."""
        if isinstance(self.stripe, HostedStripe):
            raise SandboxError("This needs the Stripe simulator, and Stripe itself is used.")
        return self.stripe

    def check(self) -> None:
        """Raise `SandboxError` if a part has ended by itself."""
        for part in (self.supabase.process, self.service):
            if part is not None and part.returncode is not None:
                raise SandboxError(f"{part.name} ended with status {part.returncode}.{part.log_tail()}")
        if not isinstance(self.stripe, HostedStripe) and not _listens(self.stripe.url):
            raise SandboxError("The Stripe simulator has ended.")

    def kill_service(self) -> None:
        """End the service as a crash would."""
        self.service.kill()

    def stop_service(self) -> int:
        """Ask the service to end and wait for it; its exit status."""
        return self.service.stop()

    def restart_service(self, **changes: str) -> None:
        """Start the service again on the same address, with `changes` to its environment, and wait for it."""
        self.service.stop()
        self.environment = {**self.environment, **changes}
        self.service = _start_service(self._listener, self.environment, self.service.log)
        self.wait_for_service()

    def wait_for_service(self) -> None:
        """Wait until the service reaches the database.

        Raises:
            SandboxError: It ended, or was not ready in time.
        """
        self.service.wait_until_ready(lambda: answers(f"{self.service_url}/health/ready"))


@contextmanager
def start_stack(  # noqa: PLR0913 - each is a choice of the caller, named at the call
    ports: Ports | None = None,
    *,
    data: Path | None = None,
    fresh: bool = False,
    supabase: AbstractContextManager[LocalSupabase] | None = None,
    stripe: HostedStripe | None = None,
    settings: Mapping[str, str] | None = None,
    on_ready: Callable[[str, float], None] | None = None,
) -> Iterator[Stack]:
    """Run everything for the length of a `with` block.

    Args:
        ports: Where the parts listen; by default wherever there is room.
        data: Where database, keys and logs are kept; None for a temporary folder.
        fresh: Whether to start from an empty database.
        supabase: A Supabase project from elsewhere; None for a local one, which the arguments above describe.
        stripe: Stripe itself; None for the simulator.
        settings: Further environment variables of the service.
        on_ready: Told the name of each part that is ready, and how many seconds it took.

    Raises:
        SandboxError: A part cannot start; those that had started are stopped.
    """
    ports = ports or Ports()
    report = on_ready or _ignore
    # A taken port is told at once, not after the other parts have started.
    for port in (ports.supabase, ports.database, ports.stripe):
        bind(port).close()
    with ExitStack() as exits:
        listener = exits.enter_context(bind(ports.service))
        service_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        pool = exits.enter_context(ThreadPoolExecutor(thread_name_prefix="stack"))
        connect = _simulator(ports.stripe, service_url, report) if stripe is None else _hosted(stripe)
        connecting = _enter(exits, pool, connect)

        started = time.monotonic()
        project = exits.enter_context(
            supabase or start_supabase(ports.supabase, ports.database, data, fresh=fresh)
        )
        report("Supabase", time.monotonic() - started)

        started = time.monotonic()
        account, webhook_secret = connecting.result()
        environment = {
            "SUPABASE_URL": project.url,
            "SUPABASE_PUBLISHABLE_KEY": project.publishable_key,
            "SUPABASE_SECRET_KEY": project.secret_key,
            "STRIPE_SECRET_KEY": account.secret_key,
            "STRIPE_WEBHOOK_SECRET": webhook_secret,
            "STRIPE_API_BASE": account.url,
            "PORT": str(listener.getsockname()[1]),
            **(settings or {}),
        }
        service = _enter(exits, pool, _spawn_service(listener, environment, project.data_dir / "service.log"))
        stack = Stack(project, account, service_url, environment, service.result(), listener)
        exits.callback(stack.stop_service)
        stack.wait_for_service()
        report("Service", time.monotonic() - started)
        yield stack


@contextmanager
def _hosted(stripe: HostedStripe) -> Iterator[tuple[LocalStripe | HostedStripe, str]]:
    yield stripe, stripe.webhook_secret


@contextmanager
def _simulator(
    port: int, service_url: str, report: Callable[[str, float], None]
) -> Iterator[tuple[LocalStripe | HostedStripe, str]]:
    started = time.monotonic()
    with start_simulator(port) as simulator:
        webhook_secret = register_webhook_endpoint(simulator, f"{service_url}{WEBHOOK_PATH}")
        report("Stripe simulator", time.monotonic() - started)
        yield simulator, webhook_secret


def register_webhook_endpoint(stripe: LocalStripe, url: str) -> str:
    """Have the events that the service handles sent to `url`; the secret that signs them.

    Raises:
        SandboxError: The simulator refuses.
    """
    from stripe import api_version  # noqa: PLC0415 - slow to import; here the other parts are starting meanwhile

    answer = httpx.post(
        f"{stripe.url}/v1/webhook_endpoints",
        data={"url": url, "api_version": api_version, "enabled_events[]": list(HANDLED_EVENT_TYPES)},
        headers={"Authorization": f"Bearer {stripe.secret_key}", "Stripe-Version": api_version},
        trust_env=False,
        timeout=30,
    )
    if not answer.is_success:
        raise SandboxError(f"The Stripe simulator refuses the webhook endpoint: {answer.text}")
    secret: str = answer.json()["secret"]
    return secret


@contextmanager
def _spawn_service(listener: socket.socket, settings: Mapping[str, str], log: Path) -> Iterator[Process]:
    with _start_service(listener, settings, log) as process:
        yield process


def _start_service(listener: socket.socket, settings: Mapping[str, str], log: Path) -> Process:
    names = {variable.name for variable in VARIABLES}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return Process.start(
        "The service",
        [sys.executable, "-m", "service", "serve", "--fd", str(listener.fileno())],
        log=log,
        # A proxy named in the environment is for the outside world.
        env={**inherited, "NO_PROXY": "127.0.0.1,localhost", **settings},
        fds=[listener.fileno()],
    )


def _enter(exits: ExitStack, pool: ThreadPoolExecutor, manager: AbstractContextManager[_T]) -> Future[_T]:
    """Enter `manager` in a thread, where no Ctrl-C can strike between a start and its being remembered."""
    entering = pool.submit(manager.__enter__)

    def leave() -> None:
        if entering.exception() is None:
            manager.__exit__(None, None, None)

    exits.callback(leave)
    return entering


def _listens(url: str) -> bool:
    address = httpx.URL(url)
    try:
        socket.create_connection((address.host, address.port), timeout=30).close()
    except OSError:
        return False
    return True


def _ignore(_part: str, _seconds: float) -> None:
    pass
