"""The TypeScript client as an app builds it: checked by the compiler against supabase-js, and run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from service.sandbox.node import LOCAL_STACK, PROJECT, install

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = PROJECT / "supabase" / "client"


def compile_client(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Build the client and these programs, each the text of `<name>.ts`, into `folder`/built."""
    install(CLIENT)
    for file in ("topup.ts", "database.types.ts", "tsconfig.json", "package.json"):
        shutil.copy(CLIENT / file, folder)
    for name, text in programs.items():
        (folder / f"{name}.ts").write_text(text)
    (folder / "node_modules").symlink_to(CLIENT / "node_modules")
    ended = subprocess.run(
        ["node", str(CLIENT / "node_modules" / "typescript" / "bin" / "tsc"), "--outDir", "built"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    # Node 20 has no WebSocket of its own.
    transport = json.dumps((LOCAL_STACK / "node_modules" / "ws" / "wrapper.mjs").as_uri())
    if (folder / "built").exists():
        (folder / "built" / "browser.mjs").write_text(
            f"import ws from {transport};\nglobalThis.WebSocket ??= ws;\n"
        )
    return ended
