"""The servers that are measured: ours as the image runs it, its variants, and the peer."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.sandbox.node import PROJECT, install
from service.sandbox.processes import Process, answers, bind
from service.settings import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TUTORIAL: Final = Path(__file__).parent / "tutorial"

OURS: Final = (sys.executable, "-m", "tests.bench.variants.serve")
ONE_CALL_EACH: Final = (sys.executable, "-m", "tests.bench.variants.one_call_each")
ALL_IMPORTED: Final = (sys.executable, "-m", "tests.bench.variants.all_imported")
BARE: Final = (sys.executable, "-m", "tests.bench.variants.bare_litestar")
INSTANT: Final = (sys.executable, "-m", "tests.bench.variants.instant")
PEER: Final = ("node", str(TUTORIAL / "server.mjs"))


@dataclass(frozen=True)
class Server:
    """A process that answers at `url`."""

    url: str
    process: Process = field(repr=False)

    @property
    def memory(self) -> int:
        """Bytes of resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(kilobytes) * 1024


@contextmanager
def start_server(
    command: Sequence[str], settings: Mapping[str, str], log: Path, *, probe: str = "/health/live"
) -> Iterator[Server]:
    """Run one for the length of a `with` block, once it answers `probe` with 2xx."""
    with bind() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = Process.start(
            command[-1],
            command,
            log=log,
            env=environment(settings, listener.fileno()),
            cwd=PROJECT,
            fds=[listener.fileno()],
        )
    with process:
        if probe:
            process.wait_until_ready(lambda: answers(f"{url}{probe}"))
        yield Server(url, process)


def environment(settings: Mapping[str, str], fd: int) -> dict[str, str]:
    """This process's environment with the settings of a server that listens on descriptor `fd`."""
    names = {variable.name for variable in VARIABLES} | {"PYTHONDONTWRITEBYTECODE"}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    # A proxy named in the environment is for the outside world.
    return {**inherited, "NO_PROXY": "127.0.0.1,localhost", "LISTEN_FD": str(fd), **settings}


def install_peer() -> None:
    """Install the peer's packages, where this is the first use."""
    install(TUTORIAL)
