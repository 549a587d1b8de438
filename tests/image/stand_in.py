"""A stand-in for the official Python image where none can be pulled: the same Debian, with its own Python."""

import shutil
import subprocess
from pathlib import Path

from service.sandbox.errors import SandboxError
from tests.containers.engine import Engine

_MAKE_BASE = Path(__file__).with_name("make_base.sh")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_SECONDS = 900


def import_base(engine: Engine, release: str, folder: Path) -> str:
    """Make an image of that Debian release, by way of an empty folder; the image's name.

    Raises:
        SandboxError: debootstrap is missing or failed.
    """
    if not shutil.which("debootstrap"):
        raise SandboxError("A base image without a registry needs Debian's package debootstrap.")
    root, archive, log = folder / "root", folder / "root.tar", folder / "log"
    root.mkdir()
    with archive.open("wb") as stdout, log.open("wb") as stderr:
        command = ["unshare", "--mount", str(_MAKE_BASE), release, str(root)]
        done = subprocess.run(command, stdout=stdout, stderr=stderr, timeout=_SECONDS, check=False)
    if done.returncode != 0:
        raise SandboxError(f"{_MAKE_BASE.name} failed:\n{log.read_text(errors='replace')[-2000:]}")
    name = f"topup-stand-in:{release}"
    engine.run("import", "--change", f"ENV SSL_CERT_FILE={_CERTIFICATES}", str(archive), name)
    archive.unlink()
    return name
