"""The image, built once: on its own base where images can be pulled, else on a stand-in made from Debian."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from service.event_types import WEBHOOK_PATH
from service.sandbox.simulator import LocalStripe, start_simulator
from service.sandbox.stack import register_webhook_endpoint
from service.sandbox.supabase import LocalSupabase, start_supabase
from tests.containers.engine import Engine, docker_engine
from tests.image.container import run_service
from tests.image.shop import Shop, sign_up
from tests.image.stand_in import import_base

PROJECT = Path(__file__).parents[2]
_BUILD_SECONDS = 900


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base image: the Dockerfile's default, or its stand-in of the same Debian release."""
    dockerfile = (PROJECT / "service" / "Dockerfile").read_text()
    found = re.search(r"^ARG BASE=(\S+-slim-(\w+))$", dockerfile, re.MULTILINE)
    assert found
    default, release = found.groups()
    return import_base(engine, release, tmp_path_factory.mktemp("base")) if engine.is_own else default


@pytest.fixture(scope="session")
def image(engine: Engine, base: str) -> Iterator[str]:
    name = "topup-image-test"
    build = [
        "build",
        "--network=host",
        f"--build-arg=BASE={base}",
        "--file=service/Dockerfile",
        f"--tag={name}",
    ]
    engine.run(*build, str(PROJECT), timeout=_BUILD_SECONDS)
    yield name
    if not engine.is_own:
        engine.run("rmi", "--force", name)


@pytest.fixture(scope="session")
def supabase() -> Iterator[LocalSupabase]:
    with start_supabase() as supabase:
        yield supabase


@pytest.fixture(scope="session")
def stripe() -> Iterator[LocalStripe]:
    with start_simulator() as stripe:
        yield stripe


@pytest.fixture(scope="module")
def shop(engine: Engine, image: str, supabase: LocalSupabase, stripe: LocalStripe) -> Iterator[Shop]:
    secret = ""

    def configure(url: str) -> Mapping[str, str]:
        nonlocal secret
        secret = register_webhook_endpoint(stripe, f"{url}{WEBHOOK_PATH}")
        return {
            "SUPABASE_URL": supabase.url,
            "SUPABASE_PUBLISHABLE_KEY": supabase.publishable_key,
            "SUPABASE_SECRET_KEY": supabase.secret_key,
            "STRIPE_SECRET_KEY": stripe.secret_key,
            "STRIPE_WEBHOOK_SECRET": secret,
            "STRIPE_API_BASE": stripe.url,
            "PYTHONVERBOSE": "1",  # tells for each module whether it came from bytecode
        }

    container = run_service(engine, image, configure)
    with httpx.Client(timeout=60, trust_env=False) as http:
        yield Shop(container, supabase, stripe, secret, http, sign_up(http, supabase))
    engine.run("rm", "--force", container.name)
