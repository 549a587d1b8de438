"""What may be asked with which key: everything by a server, very little by a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import PaymentMethodCreateParams

from service.sandbox.simulator.errors import invalid_parameter, missing_parameter, secret_key_required
from service.sandbox.simulator.params import validate

if TYPE_CHECKING:
    from service.sandbox.simulator.forms import Tree
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.routes import Route

_DETAILS = "payment_method_data"


def validate_from_server(route: Route, tree: Tree) -> Object:
    """The parameters of a request with a secret key.

    Raises:
        StripeError: 400 for what the pinned version does not take.
    """
    return validate(route.params, tree)


def validate_from_browser(route: Route, tree: Tree) -> Object:
    """The parameters of a request with a publishable key, as Stripe.js sends them.

    It proves with `client_secret` that its page was given the object, and it alone sends cards inside
    `payment_method_data`; the SDK's types know neither.

    Raises:
        StripeError: 403 where pages have no business, 400 for what they may not send.
    """
    if route.browser is None:
        raise secret_key_required()
    if "client_secret" in route.browser and "client_secret" not in tree:
        raise missing_parameter("client_secret")
    for name in tree:
        if name not in route.browser and name != "expand":
            message = f"You cannot use a publishable key with the parameter {name}; use a secret key instead."
            raise invalid_parameter(message, name)
    known = dict(tree)
    secret = known.pop("client_secret", None)
    if secret is not None and not isinstance(secret, str):
        raise invalid_parameter("Invalid string: client_secret", "client_secret")
    details = known.get(_DETAILS)
    card = None
    if isinstance(details, dict) and details.get("type") == "card":
        card = validate(PaymentMethodCreateParams, details, _DETAILS)
        del known[_DETAILS]
    params = validate(route.params, known)
    if secret is not None:
        params["client_secret"] = secret
    if card is not None:
        params[_DETAILS] = card
    return params
