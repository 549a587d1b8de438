"""The folder in which a local stack keeps its database, keys and logs."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from service.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "stack.lock"
_NEEDED_BYTES = 300_000_000
_WAIT_SECONDS = 5
_POLL_SECONDS = 0.05


@contextmanager
def data_folder(path: Path | None) -> Iterator[tuple[Path, IO[str]]]:
    """Open `path` for one stack at a time, or a temporary folder that is removed afterwards.

    Args:
        path: The folder, made if it is not there; None for a temporary one.

    Yields:
        The folder, and its open lock file, which names the process that uses it.

    Raises:
        SandboxError: It cannot be written, is nearly full, is used by another stack, or holds other things.
    """
    if path is None:
        with tempfile.TemporaryDirectory(prefix="topup-") as temporary, _opened(Path(temporary)) as opened:
            yield opened
    else:
        with _opened(path.absolute()) as opened:
            yield opened


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Path, IO[str]]]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        _check_ours(path)
        lock = (path / LOCK).open("a+")
    except OSError as error:
        raise SandboxError(f"Cannot write to {path} ({error.strerror}): choose another folder.") from error
    with lock:
        _take(lock, path)
        _check_space(path)
        name_holder(lock, os.getpid())
        yield path, lock


def name_holder(lock: IO[str], pid: int) -> None:
    """Write into the lock file which process uses the folder."""
    lock.truncate(0)
    lock.write(str(pid))
    lock.flush()


def _check_ours(path: Path) -> None:
    if any(path.iterdir()) and not (path / LOCK).exists():
        raise SandboxError(f"{path} holds other files: choose an empty folder, or one of an earlier stack.")


def _check_space(path: Path) -> None:
    free = shutil.disk_usage(path).free
    if free < _NEEDED_BYTES and not (path / "cluster.json").exists():
        raise SandboxError(
            f"The disk is full: {path} has {free // 1_000_000} MB left and a new database needs "
            f"{_NEEDED_BYTES // 1_000_000} MB; free some space, or choose another folder."
        )


def _take(lock: IO[str], path: Path) -> None:
    """Lock the folder, waiting for a stack that is ending; if its parent was killed it has no lock."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        else:
            free = True
        lock.seek(0)
        pid = lock.read().strip()
        if free and not _is_stack(pid):
            return
        if time.monotonic() > deadline:
            raise SandboxError(f"Another stack (pid {pid}) uses {path}: stop it, or choose another folder.")
        time.sleep(_POLL_SECONDS)


def _is_stack(pid: str) -> bool:
    if not pid:
        return False
    ps = subprocess.run(["ps", "-ww", "-p", pid, "-o", "args="], capture_output=True, text=True, check=False)
    return "start.mjs" in ps.stdout
