"""fly.toml and service/Dockerfile say some things that the code says too: they must agree."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from service import health
from service.app import create_app
from service.serve import DRAIN_SECONDS
from service.settings import VARIABLES, Settings

PROJECT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT / "service" / "Dockerfile").read_text()


def read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((PROJECT / name).read_text())


@pytest.fixture(name="fly")
def read_fly_toml() -> dict[str, Any]:
    return read_toml("fly.toml")


def find_in_dockerfile(pattern: str) -> str:
    found = re.search(pattern, DOCKERFILE, re.MULTILINE)
    assert found, f"service/Dockerfile has nothing like {pattern}"
    return found[1]


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_fly_builds_the_dockerfile_and_runs_its_command(fly: dict[str, Any]) -> None:
    assert (PROJECT / fly["build"]["dockerfile"]).read_text() == DOCKERFILE
    assert "processes" not in fly


def test_fly_reaches_the_port_that_the_image_listens_on(fly: dict[str, Any]) -> None:
    port = int(find_in_dockerfile(r"\bPORT=(\d+)"))
    assert fly["http_service"]["internal_port"] == port
    assert fly["checks"]["ready"]["port"] == port
    assert int(find_in_dockerfile(r"^EXPOSE (\d+)")) == port
    assert find_in_dockerfile(r"\bHOST=(\S+)") == "0.0.0.0"  # noqa: S104 - what Fly asks for


def test_the_checked_paths_are_routes_of_the_service(fly: dict[str, Any], settings: Settings) -> None:
    routes = {route.path for route in create_app(settings).routes}
    live = [check["path"] for check in fly["http_service"]["checks"]]
    assert live == ["/health/live"]
    assert fly["checks"]["ready"]["path"] == "/health/ready"
    assert find_in_dockerfile(r"request\('GET', '([^']+)'\)") == "/health/live"
    assert {"/health/live", "/health/ready"} <= routes


def test_fly_waits_for_the_answer_of_the_readiness_check(fly: dict[str, Any]) -> None:
    assert seconds(fly["checks"]["ready"]["timeout"]) > health.PATIENCE


def test_fly_lets_requests_finish_before_it_kills(fly: dict[str, Any]) -> None:
    assert fly["kill_signal"] == "SIGTERM"
    assert DRAIN_SECONDS < fly["kill_timeout"] <= 300  # the most that Fly allows


def test_fly_reads_the_metrics_on_their_own_port_which_no_service_opens(fly: dict[str, Any]) -> None:
    assert fly["metrics"] == {"port": int(fly["env"]["TOPUP_METRICS_PORT"]), "path": "/metrics"}
    assert fly["metrics"]["port"] != fly["http_service"]["internal_port"]
    assert "services" not in fly


def test_no_setting_but_the_port_of_the_metrics_stands_in_fly_toml(fly: dict[str, Any]) -> None:
    text = (PROJECT / "fly.toml").read_text()
    assert fly["env"].keys() == {"TOPUP_METRICS_PORT"}
    named = {each.name for each in VARIABLES if re.search(rf"\b{each.name}\b", text)}
    assert named == {"TOPUP_METRICS_PORT"}
    assert not re.search(r"whsec_|sb_|[sr]k_(test|live)_|eyJ", text)


def test_the_image_installs_with_the_uv_of_the_lock_file() -> None:
    uv = next(package for package in read_toml("uv.lock")["package"] if package["name"] == "uv")
    assert find_in_dockerfile(r"^ARG UV_VERSION=(\S+)") == uv["version"]


def test_the_image_has_a_python_that_the_project_supports() -> None:
    minor = int(find_in_dockerfile(r"^ARG BASE=python:3\.(\d+)-slim-"))
    assert read_toml("pyproject.toml")["project"]["requires-python"] == ">=3.11"
    assert minor >= 11


def test_the_image_runs_one_process_as_a_numbered_user_without_a_shell() -> None:
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert find_in_dockerfile(r"^CMD (.+)") == '["/opt/topup/bin/python", "-m", "service.serve"]'
