"""Who holds a TCP port of this machine."""

from __future__ import annotations

from pathlib import Path

_LISTENING = "0A"


def find_port_holder(port: int) -> str | None:
    """Name the process listening on `port` as "node (pid 123)"; None where the kernel does not tell.

    Linux only (`/proc`), and only for processes that the caller may look into.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in sockets for fd in (entry / "fd").iterdir()):
                return f"{(entry / 'comm').read_text().strip()} (pid {entry.name})"
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
    return None


def _listening_inodes(port: int) -> list[str]:
    inodes: list[str] = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.append(fields[9])
    return inodes
