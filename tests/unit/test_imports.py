"""What is slow to import is imported only by those who need it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = Path(__file__).parents[2] / "service"


def imports_of(block: list[ast.stmt]) -> Iterator[str]:
    """The packages that a module imports when it runs; those for its annotations alone are left out."""
    for statement in block:
        match statement:
            case ast.Import():
                yield from (alias.name.partition(".")[0] for alias in statement.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from imports_of(statement.orelse)
            case _:
                for name in ("body", "orelse", "finalbody"):
                    yield from imports_of(getattr(statement, name, []))


def test_stripes_sdk_is_imported_where_its_docstring_says() -> None:
    importers = {
        file.relative_to(SERVICE).as_posix()
        for file in SERVICE.rglob("*.py")
        if "stripe" in imports_of(ast.parse(file.read_text()).body)
    }
    deployed = {name for name in importers if not name.startswith("sandbox/")}
    assert deployed == {"stripe_api.py", "doctor/stripe_checks.py"}


def test_service_without_metrics_and_traces_imports_neither_nor_stripes_sdk(env: dict[str, str]) -> None:
    program = (
        "import sys; from service.app import create_app; from service.settings import Settings;"
        f"create_app(Settings.from_env({env!r})); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "litestar" in loaded
    # Litestar itself looks for OpenTelemetry's instrumentation, which is not installed.
    assert not {"opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client", "stripe"} & loaded
    assert not {"jwt", "cryptography", "postgrest", "supabase"} & loaded


def test_what_is_left_out_cannot_be_imported_until_the_block_has_ended() -> None:
    program = """
import sys
import service.serve
with service.serve._left_out("rich", "json"):
    import json
    try:
        import rich
    except ImportError:
        print("left out")
import rich
print(rich.__name__)
"""
    ran = subprocess.run(
        [sys.executable, "-c", "import json" + program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "left out\nrich\n"
