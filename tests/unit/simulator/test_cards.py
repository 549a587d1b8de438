from __future__ import annotations

from collections import Counter

import pytest

from service.sandbox.simulator.card_table import CARDS, card_by_name, card_by_number
from service.sandbox.simulator.cards import passes_luhn


def test_every_number_passes_the_luhn_check_and_is_there_once() -> None:
    assert [card.number for card in CARDS if not passes_luhn(card.number)] == []
    assert max(Counter(card.number for card in CARDS).values()) == 1


def test_every_name_stands_for_one_card() -> None:
    names = Counter(alias for card in CARDS for alias in card.aliases)
    assert max(names.values()) == 1
    for card in CARDS:
        assert card_by_number(card.number) is card
        for alias in card.aliases:
            assert card_by_name(f"pm_card_{alias}") is card_by_name(f"tok_{alias}") is card


@pytest.mark.parametrize("number", ["4242424242424241", "4242424242424224", "5555555555554445"])
def test_a_mistyped_number_fails_the_luhn_check(number: str) -> None:
    assert not passes_luhn(number)
