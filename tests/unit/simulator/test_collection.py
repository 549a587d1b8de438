from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.sandbox.simulator.collection import Collection


@given(st.lists(st.booleans(), max_size=30))
def test_removing_leaves_the_order_of_the_others(removed: list[bool]) -> None:
    kept: Collection[int] = Collection()
    for number in range(len(removed)):
        kept.add(str(number), number)
    for number, gone in enumerate(removed):
        if gone:
            kept.remove(str(number))
    expected = [number for number, gone in enumerate(removed) if not gone]
    assert list(kept.oldest_first()) == expected
    assert list(kept.newest_first()) == expected[::-1]
    assert len(kept) == len(expected)
    for position, number in enumerate(expected):
        assert kept.get(str(number)) == number
        assert list(kept.oldest_first(after=str(number))) == expected[position + 1 :]
        assert list(kept.newest_first(after=str(number))) == expected[:position][::-1]
    assert all(str(number) not in kept for number, gone in enumerate(removed) if gone)
