"""Everything that can go wrong with a request, and the one place where it becomes an answer.

TopupError
├── InvalidRequestError     400
├── NotAuthenticatedError   401
├── CardDeclinedError       402
├── ForbiddenError          403
├── NotFoundError           404
├── ConflictError           409
├── TooManyRequestsError    429, with Retry-After
├── FailedError             500, something here is set up or written wrongly
│   └── CustomerGoneError
└── UnavailableError        503, with Retry-After: Supabase or Stripe cannot be reached
    └── RateLimitedError
"""

from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

FAILURE_TEXT = "failure_text"
"""The key in a route's `opt` for what its clients read when it fails for a reason that is not theirs."""

_WORDS: Final = {
    HTTPStatus.BAD_REQUEST: "Invalid request",
    HTTPStatus.NOT_FOUND: "There is no such endpoint",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request body is too large",
}

log = structlog.get_logger()


class Failure(msgspec.Struct, kw_only=True):
    """The envelope of every answer that is not a success."""

    success: Literal[False] = False
    error: str


class TopupError(Exception):
    """A request that cannot be served. The message is for the client, the stable `code` for logs."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retry_after: int | None = None

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the answer must carry."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class InvalidRequestError(TopupError):
    """The client sent something that can never work."""

    status = HTTPStatus.BAD_REQUEST


class NotAuthenticatedError(TopupError):
    """No valid access token came with the request. The client is not told why; the log is."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, code: str) -> None:
        super().__init__("User not authenticated", code)

    @property
    def headers(self) -> dict[str, str]:
        """The scheme to use, as RFC 9110 asks for with a 401."""
        return {"WWW-Authenticate": "Bearer"}


class CardDeclinedError(TopupError):
    """Stripe declined the card. The message is Stripe's, written for the buyer."""

    status = HTTPStatus.PAYMENT_REQUIRED


class ForbiddenError(TopupError):
    """The user is known and may not do this."""

    status = HTTPStatus.FORBIDDEN


class NotFoundError(TopupError):
    """What the request names does not exist, or not for this user."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(TopupError):
    """The request contradicts an earlier one."""

    status = HTTPStatus.CONFLICT


class TooManyRequestsError(TopupError):
    """The user has to wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    retry_after = 60


class FailedError(TopupError):
    """Something on this side is wrong until a person repairs it. `code` says what, in the log alone."""

    def __init__(self, code: str) -> None:
        super().__init__("", code)


class CustomerGoneError(FailedError):
    """The customer that a purchase was to be charged to is deleted at Stripe. A new one repairs it."""

    def __init__(self) -> None:
        super().__init__("customer_gone")


class UnavailableError(TopupError):
    """Supabase or Stripe cannot be reached, or is not ready. Trying again later is right."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5

    def __init__(self, code: str) -> None:
        super().__init__("Temporarily unavailable, please try again", code)


class RateLimitedError(UnavailableError):
    """Stripe has had too many requests. `wait` is how many seconds it asks to wait, where it says so."""

    def __init__(self, wait: int | None) -> None:
        super().__init__("stripe_rate_limited")
        self.wait = wait


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Failure]:
    """Turn any exception into the envelope; the only place that does."""
    if isinstance(error, TopupError) and error.message:
        status, message, headers = error.status, error.message, error.headers
        structlog.contextvars.bind_contextvars(error=error.code)
    elif isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        status = HTTPStatus(error.status_code)
        message, headers = _WORDS.get(status, status.phrase), error.headers or {}
        structlog.contextvars.bind_contextvars(error=status.phrase)
    else:
        status, headers = HTTPStatus.INTERNAL_SERVER_ERROR, {}
        # There is no route where routing itself failed.
        opt = getattr(request.scope.get("route_handler"), "opt", {})
        message = opt.get(FAILURE_TEXT, "Internal server error")
        code = error.code if isinstance(error, TopupError) else type(error).__name__
        structlog.contextvars.bind_contextvars(error=code)
        log.error("request failed", exc_info=error)
    return Response(Failure(error=message), status_code=status, headers=headers)
