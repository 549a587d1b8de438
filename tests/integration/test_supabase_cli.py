"""What `supabase start` makes of supabase/config.toml, as far as the CLI goes without a Docker engine."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from service.sandbox.node import LOCAL_STACK, PROJECT, check_node, install
from tests.containers.supabase import POSTGRES_IMAGE, POSTGREST_IMAGE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

CONFIG = (PROJECT / "supabase" / "config.toml").read_text()


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    check_node()
    install()


def run_supabase(folder: Path, config: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the CLI on a project that has this config and nothing else, where no engine can be reached."""
    (folder / "supabase").mkdir()
    (folder / "supabase" / "config.toml").write_text(config)
    return subprocess.run(
        [LOCAL_STACK / "node_modules" / ".bin" / "supabase", *arguments, "--workdir", folder],
        env={**os.environ, "DO_NOT_TRACK": "1", "DOCKER_HOST": f"unix://{folder}/no-engine.sock"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def start(folder: Path, config: str) -> list[str]:
    """What `supabase start` complains of, line by line, without its advice."""
    done = run_supabase(folder, config, "start")
    assert done.returncode == 1, done.stdout
    return [line for line in done.stderr.splitlines() if "rerunning the command" not in line]


def test_supabase_start_misses_nothing_but_a_docker_engine(tmp_path: Path) -> None:
    [complaint] = start(tmp_path, CONFIG)
    assert "Cannot connect to the Docker daemon" in complaint


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("jwt_expiry", "jwt_expires", "auth.jwt_expires"),
        ("major_version = 17", "major_version = 12", "unsupported"),
    ],
)
def test_supabase_start_would_complain_of_a_config_that_is_wrong(
    tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    assert right in CONFIG
    assert complaint in start(tmp_path, CONFIG.replace(right, wrong))[0]


def test_the_containers_of_the_tests_are_those_that_supabase_start_runs(tmp_path: Path) -> None:
    done = run_supabase(tmp_path, CONFIG, "services", "--output", "json")
    assert done.returncode == 0, done.stderr
    versions = {each["name"]: each["local"] for each in json.loads(done.stdout)}
    for image in (POSTGRES_IMAGE, POSTGREST_IMAGE):
        name, _, tag = image.partition(":")
        assert versions[name] == tag
