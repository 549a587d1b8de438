from __future__ import annotations

import pytest

from service.rest import any_of


@pytest.mark.parametrize(
    ("values", "filter_"),
    [
        (["evt_1"], 'in.("evt_1")'),
        (["evt_1", "evt_2"], 'in.("evt_1","evt_2")'),
        (["a,b", 'c"d', "e\\f", ")"], 'in.("a,b","c\\"d","e\\\\f",")")'),
    ],
)
def test_any_of_quotes_what_would_end_a_value(values: list[str], filter_: str) -> None:
    assert any_of(values) == filter_
