"""What an operation of the API is: where it is found, what it takes, what runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from service.sandbox.simulator.errors import no_such, not_simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.collection import Collection
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object


@dataclass(frozen=True)
class Call:
    """One request after all checks.

    Attributes:
        context: What the operation works with.
        params: The validated parameters.
        key: The `{id}` of the path, or an empty string.
        publishable: Whether a publishable key asked.
        other_mode: The account in the other mode, to tell a caller with the wrong key.
    """

    context: Context
    params: Object
    key: str
    publishable: bool
    other_mode: Account

    @property
    def account(self) -> Account:
        """The account in the mode of the caller's key."""
        return self.context.account

    def with_params(self, params: Object) -> Call:
        """The same call with other parameters."""
        return replace(self, params=params)

    def find(self, kind: str, plural: str, wanted: str | None = None, param: str = "id") -> Object:
        """The object with the id of the path, or with the id `wanted` that stood in `param`.

        Args:
            kind: Stripe's name of the kind in the error.
            plural: The account's collection.
            wanted: An id out of a parameter; None for the one in the path.
            param: What the error calls the parameter.

        Raises:
            StripeError: 404 or 400 `resource_missing`.
        """
        key = self.key if wanted is None else wanted
        collection: Collection[Object] = getattr(self.account, plural)
        found = collection.get(key)
        if found is None:
            elsewhere = key in getattr(self.other_mode, plural)
            mode = self.other_mode.mode if elsewhere else None
            raise no_such(kind, key, param=param, in_path=wanted is None, other_mode=mode)
        return found


@dataclass(frozen=True)
class Route:
    """One operation.

    Attributes:
        method: The HTTP method.
        path: Its path, with `{id}` where the id stands.
        params: The SDK's TypedDict of its parameters.
        kind: The `object` of what it answers, or of what the list holds.
        run: What it does.
        honours: The parameters that have an effect here, nested ones dotted ("shipping" covers all below it,
            "card.token" only the token). Others that Stripe has are refused, not ignored.
        browser: What a publishable key may send, `client_secret` included; None keeps browsers out.
        listed: Whether it answers a list.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    params: type
    kind: str
    run: Callable[[Call], Object]
    honours: frozenset[str] = frozenset()
    browser: frozenset[str] | None = None
    listed: bool = False

    def check_honoured(self, params: Object) -> None:
        """Refuse parameters that Stripe has and the simulator does not act on.

        Raises:
            StripeError: 400 `simulator_unsupported`, naming the first.
        """
        allowed = self.honours | {"expand", "client_secret"}
        for dotted in _leaves(params, ""):
            parts = dotted.split(".")
            if not any(".".join(parts[:length]) in allowed for length in range(1, len(parts) + 1)):
                name = parts[0] + "".join(f"[{part}]" for part in parts[1:])
                raise not_simulated(f"the parameter {name}", name)


def _leaves(params: Object, prefix: str) -> Iterator[str]:
    for name, value in params.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{dotted}.")
        else:
            yield dotted
