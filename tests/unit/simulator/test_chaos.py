from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.sandbox.simulator.delivery.chaos import Chaos, Knobs

seeds = st.integers(0, 2**31)
shares = st.floats(0, 1)


def fates(knobs: Knobs, count: int = 50) -> list[tuple[float, ...]]:
    chaos = Chaos(knobs)
    return [chaos.fate_of_delivery().delays for _ in range(count)]


def test_without_knobs_everything_arrives_once_at_once() -> None:
    assert fates(Knobs()) == [(0.0,)] * 50
    assert [Chaos(Knobs()).events_of_change() for _ in range(5)] == [1] * 5


@given(seeds, shares, shares, st.floats(0, 10))
def test_a_seed_decides_everything(seed: int, drop: float, duplicate: float, delay: float) -> None:
    knobs = Knobs(seed=seed, drop=drop, duplicate=duplicate, delay=delay)
    assert fates(knobs) == fates(knobs)


@given(seeds, shares, shares)
def test_a_knob_does_not_disturb_another(seed: int, drop: float, duplicate: float) -> None:
    alone = fates(Knobs(seed=seed, drop=drop))
    both = fates(Knobs(seed=seed, drop=drop, duplicate=duplicate))
    assert [not each for each in alone] == [not each for each in both]


@given(seeds, st.floats(0, 0.5), st.floats(0, 0.5))
def test_more_dropping_drops_at_least_the_same(seed: int, share: float, more: float) -> None:
    few, many = fates(Knobs(seed=seed, drop=share)), fates(Knobs(seed=seed, drop=share + more))
    assert all(not worse for better, worse in zip(few, many, strict=True) if not better)


def test_the_shares_come_true_in_the_long_run() -> None:
    delivered = fates(Knobs(seed=1, drop=0.2, duplicate=0.2), 5000)
    dropped = sum(not each for each in delivered) / 5000
    doubled = sum(len(each) == 2 for each in delivered) / sum(bool(each) for each in delivered)
    assert abs(dropped - 0.2) < 0.03
    assert abs(doubled - 0.2) < 0.03


@given(seeds, st.integers(0, 50))
def test_a_new_order_loses_nothing(seed: int, count: int) -> None:
    chaos = Chaos(Knobs(seed=seed, shuffle=50))
    assert sorted(chaos.new_order(count)) == list(range(count))
