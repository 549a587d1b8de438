"""Findings, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.doctor.findings import Level
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.doctor.findings import Finding

_LOOK = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.ERROR: ("✗", "red")}


def has_errors(findings: Sequence[Finding]) -> bool:
    """Whether anything stops purchases or credits."""
    return any(finding.level is Level.ERROR for finding in findings)


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """{success, checks: [{check, level: ok|warning|error, message, fix?}]}."""
    return {"success": not has_errors(findings), "checks": msgspec.to_builtins(findings)}


def print_findings(findings: Sequence[Finding]) -> None:
    """A line for each, with what to do below those that are not well, and a sum at the end."""
    console = make_console()
    if console.is_terminal:
        console.print(Padding(_table(findings), (1, 1)))
        console.print(Padding(_sum(findings), (0, 1, 1, 1)))
        return
    for finding in findings:
        console.print(f"{finding.level.value:<7}  {finding.check}: {finding.message}", soft_wrap=True)
        if finding.fix:
            console.print(f"{'':<7}  {finding.fix}", soft_wrap=True)
    console.print(_sum(findings))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        mark, colour = _LOOK[finding.level]
        text = Text(finding.message, style="" if finding.level is Level.OK else colour)
        if finding.fix:
            text.append(f"\n{finding.fix}", style="default")
        table.add_row(Text(mark, style=colour), Text(finding.check, style="bold"), text)
    return table


def _sum(findings: Sequence[Finding]) -> Text:
    count = Counter(finding.level for finding in findings)
    errors, warnings = count[Level.ERROR], count[Level.WARNING]
    if not errors and not warnings:
        return Text("All is well.", style="bold green")
    words = [
        f"{number} {name}{'s' * (number != 1)}" for number, name in ((errors, "error"), (warnings, "warning"))
    ]
    return Text(", ".join(words), style="bold red" if errors else "bold yellow")
