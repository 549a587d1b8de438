from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
import stripe.params
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import is_typeddict

from service.sandbox.simulator.app import ROUTES
from service.sandbox.simulator.errors import StripeError
from service.sandbox.simulator.forms import decode_form
from service.sandbox.simulator.params import _compile, _fields, validate

if TYPE_CHECKING:
    from service.sandbox.simulator.routes import Route

Intent = stripe.params.PaymentIntentCreateParams


def test_values_come_out_typed() -> None:
    form = (
        "amount=1500&currency=usd&confirm=true&off_session=recurring&metadata[a]=1&expand[1]=y&expand[0]=x"
        "&automatic_payment_methods[enabled]=false&transfer_group=t&capture_method=manual"
    )
    assert validate(Intent, decode_form(form)) == {
        "amount": 1500,
        "currency": "usd",
        "confirm": True,
        "off_session": "recurring",
        "metadata": {"a": "1"},
        "expand": ["x", "y"],
        "automatic_payment_methods": {"enabled": False},
        "transfer_group": "t",
        "capture_method": "manual",
    }


@pytest.mark.parametrize(
    ("shape", "form", "values"),
    [
        (stripe.params.EventListParams, "created=5", {"created": 5}),
        (stripe.params.EventListParams, "created[gte]=5", {"created": {"gte": 5}}),
        (stripe.params.PaymentIntentUpdateParams, "metadata=", {"metadata": ""}),
        (stripe.params.PaymentIntentUpdateParams, "metadata[a]=", {"metadata": {"a": ""}}),
        (stripe.params.CustomerUpdateParams, "address=", {"address": ""}),
        (stripe.params.PaymentIntentUpdateParams, "receipt_email=", {"receipt_email": ""}),
    ],
)
def test_a_parameter_of_several_types_takes_each(shape: type, form: str, values: dict[str, Any]) -> None:
    assert validate(shape, decode_form(form)) == values


@pytest.mark.parametrize("option", ["api_key", "idempotency_key", "stripe_version", "headers"])
def test_options_of_the_sdk_are_no_parameters(option: str) -> None:
    with pytest.raises(StripeError) as refusal:
        validate(Intent, {"amount": "1", "currency": "usd", option: "x"})
    assert refusal.value.error["code"] == "parameter_unknown"


@pytest.mark.parametrize("number", ["1.0", "1e3", "0x1", " 1", "1 ", "\u0661", "--1", "1" * 19, "NaN"])
def test_only_whole_numbers_are_integers(number: str) -> None:
    with pytest.raises(StripeError) as refusal:
        validate(Intent, {"amount": number, "currency": "usd"})
    assert refusal.value.error["code"] == "parameter_invalid_integer"


def test_every_parameter_of_every_route_has_a_check() -> None:
    seen: set[type] = set()
    waiting: list[Any] = [route.params for route in ROUTES]
    while waiting:
        hint = waiting.pop()
        if is_typeddict(hint) and hint not in seen:
            seen.add(hint)
            for field in _fields(hint).values():
                _compile(field.hint)
                waiting.append(field.hint)
        else:
            waiting.extend(each for each in get_args(hint) if not isinstance(each, str))
    assert len(seen) > 100


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_what_a_route_honours_exists_in_the_pinned_version(route: Route) -> None:
    for dotted in route.honours - {"client_secret"}:
        if dotted.startswith("payment_method_data.card."):
            continue  # sent by pages alone, and not known to the SDK
        shape: Any = route.params
        for name in dotted.split("."):
            assert name in _fields(shape), dotted
            shape = next((each for each in _parts(_fields(shape)[name].hint) if is_typeddict(each)), None)


def _parts(hint: Any) -> list[Any]:  # noqa: ANN401 - a type hint
    return [hint, *(part for each in get_args(hint) if not isinstance(each, str) for part in _parts(each))]


leaves = st.text(max_size=5) | st.sampled_from(["1", "true", "usd", ""])
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner),
)


@given(st.dictionaries(st.sampled_from(sorted(_fields(Intent))), trees))
def test_whatever_is_sent_is_taken_or_refused_as_a_parameter(tree: dict[str, Any]) -> None:
    answer = _validate_or_refuse(tree)
    if isinstance(answer, StripeError):
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
        assert answer.error["param"]
    else:
        assert answer.keys() == tree.keys()


def _validate_or_refuse(tree: dict[str, Any]) -> dict[str, Any] | StripeError:
    try:
        return validate(Intent, tree)
    except StripeError as refusal:
        return refusal
