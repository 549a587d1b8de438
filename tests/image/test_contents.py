import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from tests.containers.engine import Engine

PROJECT = Path(__file__).parents[2]
LARGEST_ADDITION = 150_000_000
"""Bytes that the image may add to its base: 119 MB today."""


def list_in_image(engine: Engine, image: str, expression: str) -> set[str]:
    """Names that a Python expression gives inside the image."""
    program = f"import importlib.metadata, json, os; print(json.dumps(sorted({expression})))"
    return set(
        json.loads(engine.run("run", "--rm", "--network=none", image, "/opt/topup/bin/python", "-c", program))
    )


def locked_for_running() -> set[str]:
    """The distributions that uv.lock names for the service, without those for development."""
    export = [
        sys.executable,
        "-m",
        "uv",
        "export",
        "--frozen",
        "--no-dev",
        "--extra=otel",
        "--no-hashes",
        "--no-emit-project",
    ]
    lines = subprocess.run(
        [*export, "--quiet"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    requirements = [Requirement(line) for line in lines.splitlines() if not line.lstrip().startswith("#")]
    linux = {
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
        "python_full_version": "3.13.0",
    }
    return {each.name for each in requirements if each.marker is None or each.marker.evaluate(linux)}


def test_the_image_has_what_runs_and_nothing_that_only_develops(engine: Engine, image: str) -> None:
    installed = list_in_image(
        engine,
        image,
        "d.metadata['Name'].lower().replace('_', '-') for d in importlib.metadata.distributions()",
    )
    assert installed == (locked_for_running() | {"topup"}) - {"faker", "polyfactory"}


def test_the_sandbox_is_not_in_the_image(engine: Engine, image: str) -> None:
    inside = list_in_image(engine, image, "os.listdir(__import__('service').__path__[0])")
    modules = [*PROJECT.glob("service/*.py"), *PROJECT.glob("service/*/__init__.py")]
    outside = {(path.parent if path.name == "__init__.py" else path).name for path in modules} - {"service"}
    assert outside - inside == {"sandbox"}


def test_the_command_topup_is_on_the_path(engine: Engine, image: str) -> None:
    assert engine.run("run", "--rm", "--network=none", image, "topup", "--version").startswith("topup ")


def test_the_image_is_small(engine: Engine, base: str, image: str) -> None:
    sizes = [int(engine.run("inspect", "--format", "{{.Size}}", name)) for name in (image, base)]
    assert sizes[0] - sizes[1] < LARGEST_ADDITION


def test_without_settings_the_service_says_which_are_missing(engine: Engine, image: str) -> None:
    done = engine.attempt("run", "--rm", "--network=none", image)
    assert done.returncode == 2
    assert "STRIPE_SECRET_KEY is missing" in done.stderr
    assert "Traceback" not in done.stderr
