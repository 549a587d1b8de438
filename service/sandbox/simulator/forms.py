"""Stripe's form encoding: `a=1&b[c]=2&d[0]=3&e[]=4` to nested dicts and lists of strings."""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

Node: TypeAlias = "str | list[Node] | dict[str, Node]"
Tree: TypeAlias = dict[str, Node]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_MAX_FIELDS = 5000


class FormError(ValueError):
    """The body is no form that Stripe could read; the message says where."""


def decode_form(text: str) -> Tree:
    """Decode a query string or a form body.

    An array sent with indexes (`a[0]`) stays a dict with the indexes as keys: only the parameter's type
    tells whether `metadata[0]` is an array's element or a key that happens to be a number.

    Raises:
        FormError: A malformed name, or one name used both as a value and as a container.
    """
    tree: Tree = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise FormError(str(error)) from error
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        if match is None:
            raise FormError(f"malformed parameter name {name!r}")
        _put(tree, [match[1], *match[2][1:-1].split("][")] if match[2] else [match[1]], value, name)
    return tree


def _put(tree: Tree, keys: list[str], value: str, name: str) -> None:
    container: Node = tree
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        empty: Node = value if following is None else [] if following == "" else {}
        if isinstance(container, dict) and key:
            child = container.setdefault(key, empty)
            if following is None:
                container[key] = value
        elif isinstance(container, list) and not key:
            child = _next_element(container, empty, following)
        else:
            raise FormError(f"{name!r} mixes an array with something else")
        if type(child) is not type(empty):
            raise FormError(f"{name!r} is used both as a value and as a container")
        container = child


def _next_element(array: list[Node], empty: Node, following: str | None) -> Node:
    # `a[][x]=1&a[][y]=2` fills one element until a key repeats, as Rack and PHP do.
    last = array[-1] if array else None
    if isinstance(empty, dict) and isinstance(last, dict) and following not in last:
        return last
    array.append(empty)
    return empty
