"""Parameters written into objects: plain fields, addresses, metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.sandbox.simulator.errors import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.sandbox.simulator.objects import Object

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
_MAX_KEYS = 50
_MAX_KEY_LENGTH = 40
_MAX_VALUE_LENGTH = 500


def set_fields(target: Object, params: Object, names: Iterable[str]) -> Object:
    """Write those of `names` that were sent; an empty string becomes null.

    Returns:
        The old values of the fields that changed, as `previous_attributes` wants them.
    """
    previous: Object = {}
    for name in names:
        if name in params:
            value = _unset_empty(params[name])
            if target[name] != value:
                previous[name] = target[name]
                target[name] = value
    return previous


def set_metadata(target: Object, params: Object) -> Object:
    """Merge `metadata`: an empty value removes its key, an empty `metadata` removes all.

    Returns:
        `{"metadata": …}` with the old values of what changed and null for new keys, or nothing.

    Raises:
        StripeError: 400 beyond 50 keys of 40 characters and values of 500 (docs: Metadata).
    """
    if "metadata" not in params:
        return {}
    old: Object = target["metadata"]
    new: Object = {} if params["metadata"] == "" else old | params["metadata"]
    target["metadata"] = check_metadata({key: value for key, value in new.items() if value != ""})
    names = [*old, *(key for key in target["metadata"] if key not in old)]
    changed = {name: old.get(name) for name in names if old.get(name) != target["metadata"].get(name)}
    return {"metadata": changed} if changed else {}


def check_metadata(metadata: Object | str) -> Object:
    """The metadata of a new object.

    Raises:
        StripeError: 400 beyond Stripe's limits.
    """
    if isinstance(metadata, str):
        return {}
    if len(metadata) > _MAX_KEYS:
        raise invalid_parameter(f"You can only have up to {_MAX_KEYS} metadata keys.", "metadata")
    for key, value in metadata.items():
        if len(key) > _MAX_KEY_LENGTH:
            raise invalid_parameter(
                f"Metadata keys can have up to {_MAX_KEY_LENGTH} characters, but you passed in a key that "
                f"is {len(key)} characters. Invalid key: {key}",
                f"metadata[{key}]",
            )
        if len(value) > _MAX_VALUE_LENGTH:
            raise invalid_parameter(
                f"Metadata values can have up to {_MAX_VALUE_LENGTH} characters, but you passed in a value "
                f"that is {len(value)} characters. Invalid value: {value}",
                f"metadata[{key}]",
            )
    return {key: value for key, value in metadata.items() if value != ""}


def full_address(address: Object | str | None) -> Object | None:
    """An address with all its fields, null where nothing was sent."""
    if not isinstance(address, dict):
        return None
    return {name: address.get(name) or None for name in _ADDRESS}


def full_shipping(shipping: Object | str | None) -> Object | None:
    """Shipping details with all their fields."""
    if not isinstance(shipping, dict):
        return None
    names = ("carrier", "name", "phone", "tracking_number")
    return {"address": full_address(shipping.get("address"))} | {n: shipping.get(n) or None for n in names}


def check_email(email: str | None, param: str = "email") -> str | None:
    """The address, or null for none.

    Raises:
        StripeError: 400 `email_invalid`.
    """
    if email and not (email.count("@") == 1 and not email.startswith("@") and not email.endswith("@")):
        raise invalid_parameter(f"Invalid email address: {email}", param, "email_invalid")
    return email or None


def _unset_empty(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return None if value == "" else value
