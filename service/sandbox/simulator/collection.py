"""Things kept in the order of their creation, and read newest first as Stripe lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Collection(Generic[T]):
    """An append-only sequence with an index by id; removing leaves a gap, so positions never move."""

    def __init__(self) -> None:
        self._items: list[tuple[str, T] | None] = []
        self._positions: dict[str, int] = {}

    def add(self, key: str, item: T) -> T:
        """Put the newest item at the end and return it."""
        self._positions[key] = len(self._items)
        self._items.append((key, item))
        return item

    def get(self, key: str) -> T | None:
        """The item with this id."""
        position = self._positions.get(key)
        entry = None if position is None else self._items[position]
        return None if entry is None else entry[1]

    def remove(self, key: str) -> None:
        """Forget the item with this id, which must exist."""
        self._items[self._positions.pop(key)] = None

    def __contains__(self, key: str) -> bool:
        return key in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def newest_first(self, *, after: str | None = None) -> Iterator[T]:
        """All items, or those older than the one with the id `after`."""
        end = len(self._items) if after is None else self._positions[after]
        for position in range(end - 1, -1, -1):
            entry = self._items[position]
            if entry is not None:
                yield entry[1]

    def oldest_first(self, *, after: str | None = None) -> Iterator[T]:
        """All items, or those newer than the one with the id `after`."""
        start = 0 if after is None else self._positions[after] + 1
        for position in range(start, len(self._items)):
            entry = self._items[position]
            if entry is not None:
                yield entry[1]
