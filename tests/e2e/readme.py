"""The README, taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from service.sandbox.node import PROJECT

TEXT = (PROJECT / "README.md").read_text()

_BLOCK = re.compile(
    r"""
    ^```(?P<language>\w*)(?:[ ]title="(?P<title>[^"]+)")?\n
    (?P<text>.*?)
    ^```$
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


class Block(NamedTuple):
    """A fenced block: its language, its title or "", and what stands in it."""

    language: str
    title: str
    text: str


class Command(NamedTuple):
    """A command of a console block, and the output that is shown for it."""

    line: str
    output: str


def read_blocks(language: str) -> list[Block]:
    """All blocks in a language, in their order."""
    found = [Block(each["language"], each["title"] or "", each["text"]) for each in _BLOCK.finditer(TEXT)]
    return [block for block in found if block.language == language]


def read_snippet(title: str) -> str:
    """The text of the one block with this title."""
    [text] = [found["text"] for found in _BLOCK.finditer(TEXT) if found["title"] == title]
    return text


def read_commands() -> list[Command]:
    """Every command of every console block; one that goes on over several lines is one line."""
    commands = []
    for block in read_blocks("console"):
        text = re.sub(r"\\\n +", "", block.text)
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            commands.append(Command(line, output))
    return commands


def find_command(pattern: str) -> Command:
    """The one command whose line matches."""
    [command] = [command for command in read_commands() if re.search(pattern, command.line)]
    return command


def read_section(heading: str) -> str:
    """What stands below a heading, without the sections after it."""
    parts = re.split(r"^#+ (.+)$", _BLOCK.sub("", TEXT), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def read_rows(heading: str) -> list[list[str]]:
    """The rows of all tables below a heading, without their heads: the text of each cell."""
    lines = [line for line in read_section(heading).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = {number - 1 for number, row in enumerate(rows) if set("".join(row)) <= {"-"}}
    return [row for number, row in enumerate(rows) if number not in heads and number - 1 not in heads]


def headings() -> list[str]:
    """The text of every heading."""
    return re.findall(r"^#+ (.+)$", _BLOCK.sub("", TEXT), flags=re.MULTILINE)
