"""Amounts that the commands print have the places that the database gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.operate.money import show_amount

if TYPE_CHECKING:
    from tests.integration.service.books import Books


def test_amounts_are_printed_as_the_database_shows_them(books: Books) -> None:
    rows = books.rows(
        "select code, credits.major_units(12345, code)::text as amount "
        "from (select chr(a) || chr(b) || chr(c) from generate_series(97, 122) as a, "
        "generate_series(97, 122) as b, generate_series(97, 122) as c) as every (code)"
    )
    assert len(rows) == 26**3
    assert [row for row in rows if show_amount(12345, row["code"]) != f"{row['amount']} {row['code']}"] == []
