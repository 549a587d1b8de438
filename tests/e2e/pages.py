"""Scripts that do in Node what a page of an app does in a browser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.sandbox.stack import Stack

SCRIPTS = Path(__file__).with_name("browser")


def visit(stack: Stack, page: str, **given: object) -> Any:  # noqa: ANN401 - JSON
    """Run `browser/<page>.mjs` with all that a page may know of the stack, and `given`; its answer."""
    return run_program(stack, SCRIPTS / f"{page}.mjs", **given)


def run_program(stack: Stack, program: Path, **given: object) -> Any:  # noqa: ANN401 - JSON
    """The same for any program."""
    known = {
        "supabase_url": stack.supabase.url,
        "publishable_key": stack.supabase.publishable_key,
        "service_url": stack.service_url,
        "stripe_url": stack.simulator.url,
        "stripe_publishable_key": stack.simulator.publishable_key,
    }
    return run_node(program, json.dumps(known | given))


def run_node(script: Path, *arguments: str, **env: str) -> Any:  # noqa: ANN401 - JSON
    """Run a script, with `env` in its environment; the JSON that it prints."""
    node = subprocess.run(
        ["node", str(script), *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert node.returncode == 0, node.stderr
    return json.loads(node.stdout)
