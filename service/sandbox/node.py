"""Node.js and the packages of the local stack in `supabase/local`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_NODE = 20
PROJECT = Path(__file__).resolve().parents[2]
LOCAL_STACK = PROJECT / "supabase" / "local"


def check_node() -> None:
    """See that a Node.js new enough is on the PATH.

    Raises:
        SandboxError: It is missing or too old.
    """
    hint = f"install version {OLDEST_NODE} or newer (https://nodejs.org), then try again."
    try:
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise SandboxError(f"Node.js is missing: {hint}") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(f"Node.js does not run ({error}): {hint}") from error
    version = node.stdout.strip()
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < OLDEST_NODE:
        raise SandboxError(f"Node.js {version} is too old: {hint}")


def is_installed(folder: Path = LOCAL_STACK) -> bool:
    """Whether `folder` holds the packages that its lock file names, so that `install` has nothing to do."""
    try:
        return _marker(folder).read_text() == _lock_hash(folder)
    except FileNotFoundError:
        return False


def install(folder: Path = LOCAL_STACK) -> None:
    """Install the packages of `folder` with `npm ci` unless they are there; processes may call it at once.

    Raises:
        SandboxError: `npm ci` failed, with what it said.
    """
    if is_installed(folder):
        return
    with _locked(folder):
        if is_installed(folder):
            return
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            npm = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise SandboxError("npm is missing: install it beside Node.js, then try again.") from error
        if npm.returncode:
            raise SandboxError(f"`{' '.join(command)}` failed in {folder}:\n{npm.stderr.strip()}")
        _marker(folder).write_text(_lock_hash(folder))


def _marker(folder: Path) -> Path:
    return folder / "node_modules" / ".installed-from"


def _lock_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise SandboxError(f"{folder} is missing: run from a clone of the repository.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
