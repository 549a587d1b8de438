"""Validates a decoded form against a parameter type of the installed SDK.

The SDK's `stripe.params` are generated from the description of the API version that it pins, so what they
do not name does not exist in that version. Each type is turned into checks once, at its first use.
"""

from __future__ import annotations

import contextlib
import re
import sys
import types
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, Union, get_args, get_origin

from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import get_type_hints, is_typeddict

from service.sandbox.simulator.errors import (
    StripeError,
    invalid_parameter,
    missing_parameter,
    unknown_parameters,
)

if TYPE_CHECKING:
    from service.sandbox.simulator.forms import Node, Tree
    from service.sandbox.simulator.objects import Object

Check: TypeAlias = "Callable[[Node, str], Any]"
"""Turns what was sent for the parameter of that name into its value, or raises Stripe's error."""

_MAX_LENGTH = 5000
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}
# Names that the SDK imports for type checkers alone; they occur only in request options.
_MISSING_NAMES = {"Mapping": Mapping, "StripeContext": object}


def validate(shape: type, tree: Tree, prefix: str = "") -> Object:
    """The parameters as typed values: integers, booleans, strings, nested dicts and lists.

    An empty string stays where the parameter may be unset with one.

    Args:
        shape: A TypedDict of `stripe.params`.
        tree: The decoded form.
        prefix: The parameter that holds all these, for errors.

    Raises:
        StripeError: 400, as Stripe words it, naming the parameter.
    """
    fields = _fields(shape)
    unknown = [_join(prefix, name) for name in tree if name not in fields]
    if unknown:
        raise unknown_parameters(unknown)
    missing = [name for name, field in fields.items() if field.required and name not in tree]
    if missing:
        raise missing_parameter(_join(prefix, missing[0]))
    return {name: fields[name].check(node, _join(prefix, name)) for name, node in tree.items()}


class _Field:
    """One parameter: whether it is required, and its check, compiled when first needed."""

    def __init__(self, hint: Any) -> None:  # noqa: ANN401 - a type hint
        self.required = get_origin(hint) is not NotRequired
        self.hint = hint if self.required else get_args(hint)[0]
        self._check: Check | None = None

    def check(self, node: Node, name: str) -> Any:  # noqa: ANN401 - whatever the parameter's type is
        if self._check is None:
            self._check = _compile(self.hint)
        return self._check(node, name)


@cache
def _fields(shape: type) -> dict[str, _Field]:
    hints = get_type_hints(shape, vars(sys.modules[shape.__module__]), _MISSING_NAMES, include_extras=True)
    bases = getattr(shape, "__orig_bases__", ())
    options = RequestOptions.__annotations__ if RequestOptions in bases else {}
    return {name: _Field(hint) for name, hint in hints.items() if name not in options}


def _join(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _compile(hint: Any) -> Check:  # noqa: ANN401 - a type hint
    simple = _SIMPLE.get(hint)
    if simple is not None:
        return simple
    if is_typeddict(hint):
        return _object_check(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return _list_check(_compile(arguments[0]))
    if origin in {dict, UntypedStripeObject}:
        return _hash_check(_compile(arguments[-1]))
    if origin is Literal:
        return _enum_check(arguments)
    if origin in {Union, types.UnionType}:
        return _union_check(arguments)
    raise TypeError(f"no check for a parameter of type {hint!r}")


def _object_check(shape: type) -> Check:
    def check(node: Node, name: str) -> Object:
        if not isinstance(node, dict):
            raise invalid_parameter("Invalid object", name)
        return validate(shape, node, name)

    return check


def _list_check(element: Check) -> Check:
    def check(node: Node, name: str) -> list[Any]:
        if isinstance(node, dict) and all(key.isdecimal() for key in node):
            node = [node[key] for key in sorted(node, key=int)]
        if not isinstance(node, list):
            raise invalid_parameter("Invalid array", name)
        return [element(item, f"{name}[{index}]") for index, item in enumerate(node)]

    return check


def _hash_check(value: Check) -> Check:
    def check(node: Node, name: str) -> Object:
        if not isinstance(node, dict):
            raise invalid_parameter("Invalid hash", name)
        # An empty value unsets a key of a hash, so it is no error here.
        return {key: "" if item == "" else value(item, f"{name}[{key}]") for key, item in node.items()}

    return check


def _enum_check(choices: tuple[str, ...]) -> Check:
    allowed = frozenset(choices)
    listed = _listing([choice for choice in choices if choice])

    def check(node: Node, name: str) -> str:
        text = _check_text(node, name)
        if text not in allowed:
            raise invalid_parameter(f"Invalid {name}: must be one of {listed}", name)
        return text

    return check


def _listing(names: list[str]) -> str:
    if len(names) < 3:  # noqa: PLR2004 - the comma before "or" starts at three
        return " or ".join(names)
    return f"{', '.join(names[:-1])}, or {names[-1]}"


def _union_check(alternatives: tuple[Any, ...]) -> Check:
    literals = [a for a in alternatives if get_origin(a) is Literal]
    choices = tuple(choice for literal in literals for choice in get_args(literal) if choice)
    emptyable = any("" in get_args(literal) for literal in literals)
    # `Literal[...] | str` is the SDK's way to stay open to values of later versions; this one has only those.
    # `Dict[str, str] | UntypedStripeObject[str]` is one hash told twice.
    others = [
        alternative
        for alternative in alternatives
        if alternative not in literals
        and not (choices and alternative is str)
        and get_origin(alternative) is not UntypedStripeObject
    ]
    leaves = [_compile(a) for a in others if a in _SIMPLE] + ([_enum_check(choices)] if choices else [])
    containers = [_compile(a) for a in others if a not in _SIMPLE]
    if len(containers) > 1:
        raise TypeError(f"no check for a parameter of type {alternatives!r}")

    def check(node: Node, name: str) -> Any:  # noqa: ANN401 - whatever the parameter's type is
        if node == "" and emptyable:
            return ""
        if containers and (not isinstance(node, str) or not leaves):
            return containers[0](node, name)
        for leaf in leaves[:-1]:
            with contextlib.suppress(StripeError):  # the next alternative decides
                return leaf(node, name)
        return leaves[-1](node, name)

    return check


def _check_text(node: Node, name: str) -> str:
    if not isinstance(node, str):
        raise invalid_parameter(f"Invalid string: {name}", name)
    if not node:
        message = (
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
            f"field; however '{name}' cannot be unset. You should remove '{name}' from your request or "
            "supply a non-empty value."
        )
        raise invalid_parameter(message, name, "parameter_invalid_empty")
    if len(node) > _MAX_LENGTH:
        message = f"Invalid string: {node[:20]}...; must be at most {_MAX_LENGTH} characters"
        raise invalid_parameter(message, name)
    return node


def _check_integer(node: Node, name: str) -> int:
    text = _check_text(node, name)
    if _INTEGER.fullmatch(text) is None:
        raise invalid_parameter(f"Invalid integer: {text}", name, "parameter_invalid_integer")
    return int(text)


def _check_boolean(node: Node, name: str) -> bool:
    text = _check_text(node, name)
    if text not in _BOOLEANS:
        raise invalid_parameter(f"Invalid boolean: {text}", name)
    return _BOOLEANS[text]


def _check_decimal(node: Node, name: str) -> Decimal:
    text = _check_text(node, name)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise invalid_parameter(f"Invalid decimal: {text}", name) from None


_SIMPLE: dict[Any, Check] = {
    str: _check_text,
    int: _check_integer,
    bool: _check_boolean,
    float: _check_decimal,
    Decimal: _check_decimal,
}
