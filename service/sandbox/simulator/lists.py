"""Lists: newest first, one page at a time (docs: Pagination)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from service.sandbox.simulator.errors import invalid_parameter, no_such

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.simulator.collection import Collection
    from service.sandbox.simulator.objects import Object

T = TypeVar("T")

PAGING = frozenset({"limit", "starting_after", "ending_before"})
_DEFAULT_LIMIT = 10
_MAX_LIMIT = 100


def list_page(  # noqa: PLR0913 - a list is what, of which kind, which of them, how shown, where
    collection: Collection[T],
    params: Object,
    *,
    kind: str,
    wanted: Callable[[T], bool],
    render: Callable[[T], Object],
    url: str,
) -> Object:
    """One page of those items that are `wanted`.

    Raises:
        StripeError: A limit outside 1 to 100, both cursors at once, or a cursor that does not exist.
    """
    limit = page_limit(params)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise invalid_parameter(
            "You must provide only one of 'starting_after' or 'ending_before'", "ending_before"
        )
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and cursor not in collection:
            raise no_such(kind, cursor, param=name, in_path=False)
    if before is None:
        items = filter(wanted, collection.newest_first(after=after))
    else:
        items = filter(wanted, collection.oldest_first(after=before))
    page = list(islice(items, limit + 1))
    has_more = len(page) > limit
    page = page[:limit]
    if before is not None:
        page.reverse()
    return {"object": "list", "data": [render(item) for item in page], "has_more": has_more, "url": url}


def page_limit(params: Object) -> int:
    """How many items a page holds.

    Raises:
        StripeError: 400 outside 1 to 100.
    """
    limit: int = params.get("limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= _MAX_LIMIT:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {_MAX_LIMIT}"
        raise invalid_parameter(f"This value must be {bound}.", "limit", "parameter_invalid_integer")
    return limit


def created_within(created: int, wanted: int | Object | None) -> bool:
    """Whether a time (Unix seconds) is the one wanted, or in the range of `gt`, `gte`, `lt`, `lte`."""
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return created == wanted
    lowest = max(wanted.get("gte", created), wanted.get("gt", created - 1) + 1)
    highest = min(wanted.get("lte", created), wanted.get("lt", created + 1) - 1)
    return bool(lowest <= created <= highest)
