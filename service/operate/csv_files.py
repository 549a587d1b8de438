"""CSV as RFC 4180 has it, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BEGINS_A_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - some read the wide ones as well


def show_text(text: str) -> str:
    """Text that an app or a user wrote, for one cell.

    A spreadsheet would run what looks like a formula: an apostrophe in front keeps it text (OWASP, CSV
    Injection). Our own numbers and words must not go through here, or a negative amount would become text.
    """
    # A spreadsheet may strip what stands before.
    if text.startswith(_BEGINS_A_FORMULA) or text.lstrip().startswith(_BEGINS_A_FORMULA):
        return f"'{text}"
    return text


def to_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table: CRLF after each record, quotes where a cell needs them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, dialect="excel")
    writer.writerow(headings)
    writer.writerows(rows)
    return out.getvalue()
