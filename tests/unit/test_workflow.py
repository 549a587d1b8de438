"""The GitHub Actions workflow does what .ci/run does, and the suite once more on containers."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.sandbox.node import OLDEST_NODE

PROJECT = Path(__file__).parents[2]
SCREENSHOTS = PROJECT / "tests" / "browser" / "screenshots"
LOCK_FILES = ["uv.lock", "**/package-lock.json"]


@pytest.fixture(scope="module", name="workflow")
def read_workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())
    return loaded


@pytest.fixture(name="steps")
def list_steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_a_job_runs_what_the_project_itself_calls_ci(workflow: dict[str, Any]) -> None:
    assert (PROJECT / ".ci" / "run").is_file()
    running = [name for name, job in workflow["jobs"].items() if "bash .ci/run" in commands(job)]
    assert running == ["everything"]


def test_another_runs_the_whole_suite_on_containers(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["containers"]["steps"]
    [step] = [step for step in steps if "TOPUP_TEST_STACK" in step.get("env", {})]
    assert (step["run"], step["env"]) == (".venv/bin/pytest -q", {"TOPUP_TEST_STACK": "docker"})


def test_that_other_job_has_the_oldest_versions_that_are_taken(steps: list[dict[str, Any]]) -> None:
    given = {name: value for step in steps for name, value in step.get("with", {}).items()}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert f">={given['python-version']}" == project["requires-python"]
    assert given["node-version"] == str(OLDEST_NODE)


def test_it_may_read_the_repository_and_nothing_else(
    workflow: dict[str, Any], steps: list[dict[str, Any]]
) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert not [job for job in workflow["jobs"].values() if "permissions" in job]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(workflow["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert "secrets." not in str(workflow)


def test_every_action_is_github_s_own_and_pinned_by_its_commit(steps: list[dict[str, Any]]) -> None:
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in used)


def test_what_is_cached_hangs_on_the_lock_files(workflow: dict[str, Any]) -> None:
    for job in workflow["jobs"].values():
        [cache] = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@")]
        assert [name for name in LOCK_FILES if f"'{name}'" not in cache["key"]] == []
        folders = [job["env"]["UV_CACHE_DIR"], job["env"]["npm_config_cache"]]
        assert all(any(path in folder for path in cache["path"].split()) for folder in folders)


def test_what_the_browser_saw_is_kept_of_a_run_that_failed_too(workflow: dict[str, Any]) -> None:
    [upload] = [
        step
        for step in workflow["jobs"]["everything"]["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert upload["with"]["path"] == str(SCREENSHOTS.relative_to(PROJECT))
    assert upload["if"] == "${{ !cancelled() }}"


def test_no_job_can_hang_for_ever(workflow: dict[str, Any]) -> None:
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
