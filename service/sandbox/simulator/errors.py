"""Stripe's errors: one exception, the constructors of each kind, and the envelope they travel in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_INVALID = "invalid_request_error"


class StripeError(Exception):
    """An answer other than 200, as Stripe words it.

    Attributes:
        status: The HTTP status.
        error: The content of the envelope's `error`.
        saved: Whether an idempotency key remembers this answer. Stripe keeps what happened after an
            operation began, and forgets requests that never got that far.
    """

    def __init__(self, status: int, kind: str, message: str, *, saved: bool = True, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.error: Object = {name: value for name, value in fields.items() if value is not None}
        self.error |= {"message": message, "type": kind}
        if "code" in self.error:
            self.error["doc_url"] = doc_url(self.error["code"])


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def render_error(error: StripeError, request_id: str, *, livemode: bool) -> Object:
    """The body of an error: `{"error": {...}}`."""
    mode = "" if livemode else "test/"
    log = f"https://dashboard.stripe.com/{mode}logs/{request_id}"
    return {"error": dict(sorted((error.error | {"request_log_url": log}).items()))}


def invalid_parameter(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A parameter that is wrong in itself: 400, and nothing has happened yet."""
    return StripeError(400, _INVALID, message, saved=False, param=param, code=code)


def unknown_parameters(names: list[str]) -> StripeError:
    """Parameters that the pinned version does not have."""
    plural = "s" if len(names) > 1 else ""
    message = f"Received unknown parameter{plural}: {', '.join(names)}"
    return invalid_parameter(message, names[0], "parameter_unknown")


def missing_parameter(name: str) -> StripeError:
    """A required parameter that was not sent."""
    return invalid_parameter(f"Missing required param: {name}.", name, "parameter_missing")


def not_simulated(what: str, param: str | None = None) -> StripeError:
    """Something that Stripe has and this simulator does not: refused rather than silently ignored."""
    return invalid_parameter(f"The Stripe simulator does not model {what}.", param, "simulator_unsupported")


def invalid_request(message: str, *, code: str | None = None, param: str | None = None) -> StripeError:
    """A well-formed request that the objects' state forbids: 400."""
    return StripeError(400, _INVALID, message, code=code, param=param)


def unexpected_state(message: str, intent: Object) -> StripeError:
    """A PaymentIntent in a status that forbids the operation; the envelope carries the PaymentIntent."""
    return StripeError(400, _INVALID, message, code="payment_intent_unexpected_state", payment_intent=intent)


def no_such(
    kind: str, wanted: str, *, param: str, in_path: bool, other_mode: str | None = None
) -> StripeError:
    """An id that is nobody's: 404 in the path, 400 in a parameter.

    Args:
        kind: Stripe's name of the kind in this message ("payment_intent", "PaymentMethod").
        wanted: The id.
        param: Which parameter held it.
        in_path: Whether it stood in the URL.
        other_mode: "live" or "test" if the id exists there.
    """
    message = f"No such {kind}: '{wanted}'"
    if other_mode:
        used = "test" if other_mode == "live" else "live"
        message += (
            f"; a similar object exists in {other_mode} mode, but a {used} mode key was used to make this "
            "request."
        )
    return StripeError(404 if in_path else 400, _INVALID, message, code="resource_missing", param=param)


def unauthorized(message: str) -> StripeError:
    """No key, or a key that is not ours: 401."""
    return StripeError(401, _INVALID, message, saved=False)


def secret_key_required() -> StripeError:
    """A publishable key where only a secret one may act: 403."""
    message = (
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can "
        "find a list of your API keys at https://dashboard.stripe.com/account/apikeys."
    )
    return StripeError(403, _INVALID, message, saved=False, code="secret_key_required")


def unrecognized_url(method: str, path: str) -> StripeError:
    """A path or method that Stripe, or this simulator, does not have: 404."""
    message = (
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help "
        "at https://support.stripe.com/."
    )
    return StripeError(404, _INVALID, message, saved=False)


def idempotency_mismatch(message: str) -> StripeError:
    """A key used again for something else: 400."""
    return StripeError(400, "idempotency_error", message, saved=False)


def idempotency_key_in_use(key: str) -> StripeError:
    """A key whose first request has not finished: 409, to be tried again."""
    message = (
        f"There is currently another in-progress request using this Idempotency Key: {key}. It probably "
        "means that you submitted twice and the other request is still going through; try again later."
    )
    return StripeError(409, _INVALID, message, saved=False, code="idempotency_key_in_use")


def api_error() -> StripeError:
    """Something broke on the server: 500."""
    return StripeError(
        500, "api_error", "An unknown error occurred. Please try again or contact support@stripe.com."
    )
