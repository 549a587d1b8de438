"""`expand[]`: ids replaced by their objects (docs: Expanding responses)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import stripe

from service.sandbox.simulator.context import copy_object
from service.sandbox.simulator.errors import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.objects import Object

_MAX_DEPTH = 4
_KINDS = {
    "BalanceTransaction": "balance_transaction",
    "Charge": "charge",
    "Customer": "customer",
    "Dispute": "dispute",
    "PaymentIntent": "payment_intent",
    "PaymentMethod": "payment_method",
    "Refund": "refund",
}
_RESOURCES = {kind: resource for resource, kind in _KINDS.items()}


def check_expandable(paths: list[str], kind: str, *, listed: bool) -> None:
    """Refuse paths that cannot be expanded in an answer of this kind, or in a list of it.

    Raises:
        StripeError: 400 for a property that the SDK does not type as expandable, or more than four steps.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > _MAX_DEPTH:
            raise invalid_parameter("You cannot expand more than 4 levels of a property.", "expand")
        if listed and steps.pop(0) != "data":
            hint = f" You may want to try expanding 'data.{path}' instead."
            raise invalid_parameter(f"This property cannot be expanded ({path}).{hint}", "expand")
        holder: str | None = kind
        for position, step in enumerate(steps):
            if step == "data" and position and steps[position - 1] == "refunds":
                continue
            if holder is None:  # an object of a kind that is never there in the simulator
                break
            if step not in _expandable(holder):
                raise invalid_parameter(f"This property cannot be expanded ({path}).", "expand")
            holder = _expandable(holder)[step]


def expand(answer: Object, paths: list[str], account: Account, refunds_of: Callable[[str], Object]) -> Object:
    """A copy of the answer with the objects at these paths in place of their ids.

    Args:
        answer: An object or a list.
        paths: Dotted paths that `check_expandable` let pass.
        account: Where the objects are.
        refunds_of: Makes the list of refunds of a charge, which is only shown when expanded.
    """
    expanded = copy_object(answer)
    for path in paths:
        _expand(expanded, path.split("."), account, refunds_of)
    return expanded


def _expand(
    parent: Any,  # noqa: ANN401 - a list or an object
    steps: list[str],
    account: Account,
    refunds_of: Callable[[str], Object],
) -> None:
    if isinstance(parent, list):
        for item in parent:
            _expand(item, steps, account, refunds_of)
        return
    step, rest = steps[0], steps[1:]
    value = parent.get(step)
    if step == "refunds" and value is None:
        value = parent["refunds"] = refunds_of(parent["id"])
    elif isinstance(value, str):
        found = account.find(value)
        value = parent[step] = value if found is None else copy_object(found)
    if rest and isinstance(value, (dict, list)):
        _expand(value, rest, account, refunds_of)


@cache
def _expandable(kind: str) -> dict[str, str | None]:
    """The names that the SDK types as "an id or the object", with the object's kind if it is one of ours."""
    resource = _RESOURCES.get(kind)
    hints = getattr(stripe, resource).__annotations__ if resource else {}
    found: dict[str, str | None] = {"refunds": "refund"} if kind == "charge" else {}
    for name, hint in hints.items():
        objects = re.findall(r"ForwardRef\('(\w+)'", str(hint))
        if objects and re.search(r"\bstr\b", str(hint)):
            found[name] = _KINDS.get(objects[0]) if len(objects) == 1 else None
    return found
