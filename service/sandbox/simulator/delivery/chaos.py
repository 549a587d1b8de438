"""Webhooks at their worst, on request and by seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import msgspec


class Knobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong, and how often. All zero: nothing.

    Attributes:
        seed: The same seed treats the n-th event after the knobs were set the same way.
        drop: The share of deliveries that never arrive, whatever is retried.
        duplicate: The share that arrives twice.
        double_event: The share of changes reported by two events with different ids.
        shuffle: How many deliveries are held and let go in another order; 0 or 1 holds none.
        delay: The longest time in seconds by which a delivery is late.
    """

    seed: int = 0
    drop: float = 0.0
    duplicate: float = 0.0
    double_event: float = 0.0
    shuffle: int = 0
    delay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1 and negative times."""
        if not all(0 <= share <= 1 for share in (self.drop, self.duplicate, self.double_event)):
            raise ValueError("drop, duplicate and double_event are shares from 0 to 1")
        if self.shuffle < 0 or self.delay < 0:
            raise ValueError("shuffle and delay cannot be negative")


@dataclass(frozen=True)
class Fate:
    """What happens to one delivery: how many copies arrive (0: dropped), each after how many seconds."""

    delays: tuple[float, ...]


@dataclass
class Chaos:
    """Decides by the knobs, each decision from a random stream of its own: no knob disturbs another."""

    knobs: Knobs = field(default_factory=Knobs)
    _changes: int = 0
    _deliveries: int = 0
    _shuffles: int = 0

    def events_of_change(self) -> int:
        """How many events the next change is reported by."""
        self._changes += 1
        return 2 if self._happens("double_event", self._changes, self.knobs.double_event) else 1

    def fate_of_delivery(self) -> Fate:
        """What happens to the next delivery."""
        self._deliveries += 1
        number = self._deliveries
        if self._happens("drop", number, self.knobs.drop):
            return Fate(())
        copies = 2 if self._happens("duplicate", number, self.knobs.duplicate) else 1
        stream = self._stream("delay", number)
        return Fate(tuple(stream.uniform(0, self.knobs.delay) for _ in range(copies)))

    def new_order(self, count: int) -> list[int]:
        """A permutation of `count` held deliveries."""
        self._shuffles += 1
        order = list(range(count))
        self._stream("shuffle", self._shuffles).shuffle(order)
        return order

    def _happens(self, knob: str, number: int, share: float) -> bool:
        return share > 0 and self._stream(knob, number).random() < share

    def _stream(self, knob: str, number: int) -> random.Random:
        return random.Random(f"{self.knobs.seed}/{knob}/{number}")  # noqa: S311 - repeatable on purpose
