"""Requests that are made up from the OpenAPI document, sound and unsound, and what comes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from service.sandbox.node import PROJECT

if TYPE_CHECKING:
    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import User

SCHEMATHESIS: Final = Path(sys.executable).with_name("schemathesis")
OPTIONS: Final = (
    "--phases=examples,coverage,fuzzing",
    "--checks=all",
    "--max-examples=50",
    "--seed=1",
    "--request-timeout=60",
    "--continue-on-failure",
    "--no-color",
)


@pytest.mark.slow
def test_answers_to_whatever_is_sent_keep_to_the_document(
    stack: Stack, user: User, books: Books, tmp_path: Path
) -> None:
    events = books.count_events()
    document = f"{stack.service_url}/schema/openapi.json"
    token = f"--header=Authorization: Bearer {user.token}"
    ended = subprocess.run(
        [str(SCHEMATHESIS), "run", document, token, *OPTIONS],
        cwd=tmp_path,
        env={
            **os.environ,
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(PROJECT),
            "SCHEMATHESIS_HOOKS": "tests.integration.service.signing",
            "STRIPE_WEBHOOK_SECRET": stack.webhook_secret,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    # What is sound got through to where it is kept.
    assert books.purchases(user.id)
    assert books.count_events() >= events + 10
