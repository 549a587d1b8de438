"""Stripe's search language (docs: Search query language): `status:"succeeded" AND metadata["order"]:"7"`."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from service.sandbox.simulator.errors import invalid_parameter
from service.sandbox.simulator.lists import page_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.simulator.collection import Collection
    from service.sandbox.simulator.objects import Object

_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CLAUSE = re.compile(
    rf"\s*(?P<not>-?)(?P<field>\w+)(?:\[(?P<key>{_QUOTED})\])?"
    rf"(?P<operator>:|~|>=|<=|>|<)(?P<value>{_QUOTED}|null|-?[\w.-]+)\s*"
)
_JOIN = re.compile(r"(AND|OR|and|or)\b|(?=\S)")
_NUMBERS = frozenset({"amount", "created"})
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    ":": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True)
class _Clause:
    negated: bool
    field: str
    key: str | None
    operator: str
    value: str | None

    def matches(self, item: Object) -> bool:
        actual = item[self.field]
        if self.key is not None:
            actual = actual.get(self.key)
        return self._compare(actual) != self.negated

    def _compare(self, actual: Any) -> bool:  # noqa: ANN401 - a field's value
        if self.value is None or actual is None:
            return self.value is None and actual is None
        if self.field in _NUMBERS:
            return _COMPARISONS[self.operator](actual, int(self.value))
        if self.operator == "~":
            return self.value.casefold() in str(actual).casefold()
        return self.value.casefold() == str(actual).casefold()


def search_page(
    collection: Collection[Object], params: Object, fields: frozenset[str], *, url: str
) -> Object:
    """One page of what a query finds, newest first. Unlike at Stripe, new objects are found at once.

    Args:
        collection: What is searched.
        params: `query`, and `limit` and `page` if sent.
        fields: Which fields can be searched.
        url: The address of the search.

    Raises:
        StripeError: 400 for a query that cannot be read, or a page that no search gave.
    """
    clauses, every = _parse(params["query"], fields)
    limit = page_limit(params)
    skipped = _read_page(params.get("page"))

    def wanted(item: Object) -> bool:
        verdicts = (clause.matches(item) for clause in clauses)
        return all(verdicts) if every else any(verdicts)

    found = list(islice(filter(wanted, collection.newest_first()), skipped, skipped + limit + 1))
    has_more = len(found) > limit
    return {
        "object": "search_result",
        "data": found[:limit],
        "has_more": has_more,
        "next_page": f"page_{skipped + limit}" if has_more else None,
        "url": url,
    }


def _parse(query: str, fields: frozenset[str]) -> tuple[list[_Clause], bool]:
    clauses: list[_Clause] = []
    joins: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(query, position)
        if match is None:
            raise _error(f"We were unable to parse your search query at position {position}.")
        clauses.append(_clause(match, fields))
        position = match.end()
        if position == len(query):
            break
        join = _JOIN.match(query, position)
        if join is None:
            raise _error(f"We were unable to parse your search query at position {position}.")
        joins.add((join[1] or "AND").upper())
        position = join.end()
    if len(joins) > 1:
        raise _error("You cannot combine AND and OR in one search query.")
    return clauses, joins != {"OR"}


def _clause(match: re.Match[str], fields: frozenset[str]) -> _Clause:
    field, key, sign, value = match["field"], match["key"], match["operator"], match["value"]
    if field not in fields:
        raise _error(f"Field `{field}` is an unsupported search field for this resource.")
    if (key is None) == (field == "metadata"):
        raise _error('Only metadata takes a key, and always: metadata["key"].')
    plain = None if value == "null" else _unquote(value)
    if field in _NUMBERS and not re.fullmatch(r"-?\d+", plain or ""):
        raise _error(f"Field `{field}` is compared with a number.")
    if sign in ({"~"} if field in _NUMBERS else {">", "<", ">=", "<="}):
        raise _error(f"Field `{field}` does not support the operator `{sign}`.")
    return _Clause(match["not"] == "-", field, _unquote(key) if key else None, sign, plain)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] in {"'", '"'} else text


def _read_page(page: str | None) -> int:
    if page is None:
        return 0
    match = re.fullmatch(r"page_(\d+)", page)
    if match is None:
        raise invalid_parameter(f"Invalid page: {page}", "page")
    return int(match[1])


def _error(message: str) -> Exception:
    return invalid_parameter(message, "query")
