"""The operations on PaymentIntents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import (
    PaymentIntentCancelParams,
    PaymentIntentCaptureParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    PaymentIntentSearchParams,
    PaymentIntentUpdateParams,
)

from service.sandbox.simulator.errors import StripeError, invalid_parameter, invalid_request
from service.sandbox.simulator.listing import list_route
from service.sandbox.simulator.payment_intents.capture import cancel_intent, capture_intent
from service.sandbox.simulator.payment_intents.confirm import (
    ONLY_WITH_CONFIRM,
    check_return_url,
    chosen_payment_method,
    confirm_intent,
)
from service.sandbox.simulator.payment_intents.intent import (
    browser_view,
    new_intent,
    set_payment_method_options,
)
from service.sandbox.simulator.payment_intents.update import update_intent
from service.sandbox.simulator.payment_methods.routes import CREATED_FROM
from service.sandbox.simulator.routes import Call, Route
from service.sandbox.simulator.search import search_page

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_SEARCHED = frozenset({"amount", "created", "currency", "customer", "metadata", "status"})
_DETAILS = frozenset(f"payment_method_data.{name}" for name in CREATED_FROM)
_CHANGED = _DETAILS | {
    "amount",
    "capture_method",
    "currency",
    "customer",
    "description",
    "metadata",
    "payment_method",
    "payment_method_options.card.request_three_d_secure",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor_suffix",
    "transfer_group",
}
_CONFIRMED = _DETAILS | {
    "capture_method",
    "payment_method",
    "payment_method_options.card.request_three_d_secure",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    *ONLY_WITH_CONFIRM,
}
_CREATED = _CHANGED | {
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "confirm",
    "confirmation_method",
    "excluded_payment_method_types",
    *ONLY_WITH_CONFIRM,
}
_BROWSER = frozenset(
    {
        "client_secret",
        "mandate_data",
        "payment_method",
        "payment_method_data",
        "payment_method_options",
        "receipt_email",
        "return_url",
        "setup_future_usage",
        "shipping",
        "use_stripe_sdk",
    }
)


def _find(call: Call) -> Object:
    intent = call.find("payment_intent", "payment_intents", param="intent")
    secret = call.params.get("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        raise invalid_request(
            "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
            code="payment_intent_invalid_parameter",
            param="client_secret",
        )
    return intent


def _answer(call: Call, intent: Object) -> Object:
    return browser_view(intent) if call.publishable else intent


def _create(call: Call) -> Object:
    params = call.params
    if not params.get("confirm", False):
        for name in ONLY_WITH_CONFIRM:
            if name in params:
                raise invalid_parameter(
                    f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless "
                    "`confirm` is set to true.",
                    name,
                )
    if "customer" in params:
        call.find("customer", "customers", params["customer"], "customer")
    intent = new_intent(params, livemode=call.account.livemode)
    set_payment_method_options(intent, params)
    method = chosen_payment_method(call, intent)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    if params.get("confirm", False):
        check_return_url(intent, params)
    call.account.payment_intents.add(intent["id"], intent)
    call.context.emit("payment_intent.created", intent)
    if params.get("confirm", False):
        kept = {k: v for k, v in params.items() if k not in {"payment_method", "payment_method_data"}}
        confirm_intent(call.with_params(kept), intent)
    return intent


def _retrieve(call: Call) -> Object:
    return _answer(call, _find(call))


def _update(call: Call) -> Object:
    intent = _find(call)
    update_intent(call, intent)
    return intent


def _confirm(call: Call) -> Object:
    intent = _find(call)
    try:
        confirm_intent(call, intent)
    except StripeError as error:
        if call.publishable and "payment_intent" in error.error:
            error.error["payment_intent"] = browser_view(error.error["payment_intent"])
        raise
    return _answer(call, intent)


def _capture(call: Call) -> Object:
    intent = _find(call)
    capture_intent(call.context, intent, call.params)
    return intent


def _cancel(call: Call) -> Object:
    intent = _find(call)
    cancel_intent(call.context, intent, call.params)
    return intent


def _search(call: Call) -> Object:
    return search_page(call.account.payment_intents, call.params, _SEARCHED, url="/v1/payment_intents/search")


_KIND = "payment_intent"
_ONE = "/v1/payment_intents/{id}"
ROUTES = (
    Route("POST", "/v1/payment_intents", PaymentIntentCreateParams, _KIND, _create, honours=_CREATED),
    list_route("payment_intents", PaymentIntentListParams, _KIND, "created", "customer"),
    Route(
        "GET",
        "/v1/payment_intents/search",
        PaymentIntentSearchParams,
        _KIND,
        _search,
        honours=frozenset({"query", "limit", "page"}),
        listed=True,
    ),
    Route("GET", _ONE, PaymentIntentRetrieveParams, _KIND, _retrieve, browser=frozenset({"client_secret"})),
    Route("POST", _ONE, PaymentIntentUpdateParams, _KIND, _update, honours=_CHANGED),
    Route(
        "POST",
        f"{_ONE}/confirm",
        PaymentIntentConfirmParams,
        _KIND,
        _confirm,
        honours=_CONFIRMED | {"client_secret"},
        browser=_BROWSER,
    ),
    Route(
        "POST",
        f"{_ONE}/capture",
        PaymentIntentCaptureParams,
        _KIND,
        _capture,
        honours=frozenset({"amount_to_capture", "metadata", "statement_descriptor_suffix"}),
    ),
    Route(
        "POST",
        f"{_ONE}/cancel",
        PaymentIntentCancelParams,
        _KIND,
        _cancel,
        honours=frozenset({"cancellation_reason"}),
    ),
)
