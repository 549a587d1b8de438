"""A stack for each file of these tests, as they kill its parts; and what they did, told at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.sandbox.stack import Stack, start_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Always the local one: no other lets its parts be killed."""
    with start_stack() as running:
        yield running


@pytest.fixture
def notes(pytestconfig: pytest.Config) -> list[str]:
    """Lines to print when all tests have run, whether they passed or not."""
    return pytestconfig.stash.setdefault(_NOTES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what happened: the numbers are what counts."""
    for line in config.stash.get(_NOTES, []):
        terminalreporter.write_line(line)
