"""Images made from what npm and Debian have, for an engine that can pull none."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from service.sandbox.errors import SandboxError
from service.sandbox.node import LOCAL_STACK
from tests.containers.engine import Engine

_BUSYBOX = Path("/bin/busybox")
_HERE = Path(__file__).parent
_USER = 999


def build_postgrest(engine: Engine) -> str:
    """The PostgREST binary alone; the image's name."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        _copy(_find("postgrest"), root / "bin/postgrest")
        return _build(engine, root, "postgrest")


def build_postgres(engine: Engine) -> str:
    """Postgres with a shell, set up like supabase/postgres as far as the tests can tell; the image's name.

    Raises:
        SandboxError: busybox-static is missing.
    """
    if not _BUSYBOX.exists():
        raise SandboxError("A Postgres image without a registry needs Debian's package busybox-static.")
    postgres = _find("postgres")
    with TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(postgres, root / "usr/lib/postgresql", symlinks=True)
        for program in ("postgres", "initdb"):
            for library in _system_libraries(postgres / "bin" / program):
                _copy(library, root / library.relative_to("/"))
        _copy(_BUSYBOX, root / "bin/busybox")
        for applet in ("sh", "cat"):
            (root / "bin" / applet).symlink_to("busybox")
        for empty in ("tmp", "var/lib/postgresql", "var/run/postgresql"):
            (root / empty).mkdir(parents=True)
        _copy(_HERE / "postgres/entrypoint.sh", root / "usr/bin/entrypoint.sh")
        _copy(_HERE / "postgres/postgresql.conf", root / "etc/postgresql/postgresql.conf")
        _copy(_HERE / "postgres/pg_hba.conf", root / "etc/postgresql/pg_hba.conf")
        _copy(LOCAL_STACK / "roles.sql", root / "etc/postgresql/roles.sql")
        (root / "etc/passwd").write_text(f"postgres:x:{_USER}:{_USER}::/var/lib/postgresql:/bin/sh\n")
        return _build(engine, root, "postgres")


def _find(program: Literal["postgres", "postgrest"]) -> Path:
    command = ["node", str(_HERE / "binaries.mjs")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return Path(json.loads(found)[program])


def _system_libraries(program: Path) -> set[Path]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = {Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}
    return {path for path in found if not path.is_relative_to(LOCAL_STACK)}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _build(engine: Engine, root: Path, name: str) -> str:
    with TemporaryDirectory() as context:
        owner = [f"--owner={_USER}", f"--group={_USER}"]
        subprocess.run(["tar", *owner, "-C", root, "-c", "-f", f"{context}/root.tar", "."], check=True)
        tag = f"topup-stand-in-{name}"
        engine.run("build", f"--tag={tag}", f"--file={_HERE / name / 'Dockerfile'}", context)
    return tag
