"""The schema as the service uses it: reads as the user, writes by its functions."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Literal, TypeVar

import httpx
import msgspec
import structlog

from service.auth import Caller
from service.errors import (
    ConflictError,
    FailedError,
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    TooManyRequestsError,
    TopupError,
    UnavailableError,
)
from service.rest import Query, Rest
from service.settings import Settings
from service.telemetry import Telemetry

SCHEMA_VERSION: Final = 1
"""The version of the schema that this service is written for; a later one serves it as well."""

MAX_HISTORY: Final = 1000
"""Rows of the payment history that are read, the newest; also what hosted projects give at most."""

_REFUSALS: Final[Mapping[str, tuple[type[TopupError], str]]] = {
    "invalid_argument": (InvalidRequestError, "Invalid request"),
    "user_not_found": (ForbiddenError, "User not authorized for action"),
    "dispute_open": (
        ForbiddenError,
        "A payment of yours is disputed. You can buy again when that is settled.",
    ),
    "package_not_found": (NotFoundError, "Credit package not found"),
    "not_found": (NotFoundError, "No user, purchase or PaymentIntent has this id"),
    "account_not_found": (NotFoundError, "This user has no account"),
    "transaction_not_found": (NotFoundError, "There is no such purchase"),
    "purchase_has_payment_intent": (ConflictError, "The purchase has a PaymentIntent"),
    "idempotency_key_reused": (ConflictError, "This Idempotency-Key was used for another purchase"),
    "payment_intent_conflict": (ConflictError, "The purchase already has another payment"),
    "too_many_open_purchases": (
        TooManyRequestsError,
        "Too many unpaid purchases: pay one that is open, or wait",
    ),
}
"""The schema's stable error codes, and what a client reads for each."""

_Answer = TypeVar("_Answer")

log = structlog.get_logger()


class Purchase(msgspec.Struct):
    """The answer of `open_credit_purchase`. The amount is in the smallest unit of the currency."""

    transaction_id: uuid.UUID
    amount_minor: int
    currency: str
    description: str
    stripe_customer_id: str | None
    stripe_payment_intent_id: str | None


class EventOutcome(msgspec.Struct):
    """What became of one event. A `failed` one did not commit and has to come again."""

    id: str
    outcome: Literal["applied", "duplicate", "ignored", "mismatch", "failed"]
    reason: str | None = None
    transaction_id: uuid.UUID | None = None


class Check(msgspec.Struct):
    """What a check of an operator (`audit`, `reconcile` or `events_behind`) found when it last ran."""

    name: str
    findings: int
    finished_at: datetime


class _SavedCustomer(msgspec.Struct):
    stripe_customer_id: str


class _Refusal(msgspec.Struct):
    code: str | None = None
    details: Any = None


class Ledger:
    """The schema of sql/ as the service uses it.

    Every method raises `UnavailableError` when Supabase does not answer or answers 5xx, one of `_REFUSALS`
    when the schema refuses, and `FailedError` for what only a person can repair, such as a wrong key.
    """

    def __init__(
        self, settings: Settings, http: httpx.AsyncClient, telemetry: Telemetry | None = None
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._rest = Rest(settings, http)

    async def read_packages(self, caller: Caller) -> bytes:
        """The packages on sale: a JSON array in the contract's names, numbers as PostgREST wrote them."""
        columns = "id", "name", "description", "amount", "creditAmount:credits", "isActive:is_active"
        return await self._read(
            "credit_packages",
            lambda view: view.select(*columns).eq("is_active", value=True).order("sort_order").order("name"),
            caller,
        )

    async def read_history(self, caller: Caller) -> bytes:
        """The user's purchases, newest first, at most MAX_HISTORY: a JSON array in the contract's names."""
        columns = "id", "amount", "creditAmount:credits", "status", "createdAt:created_at_iso", "description"
        return await self._read(
            "credit_transactions",
            lambda view: (
                view.select(*columns).order("created_at", desc=True).order("id", desc=True).limit(MAX_HISTORY)
            ),
            caller,
        )

    async def read_balance(self, caller: Caller) -> bytes:
        """The user's balance: one JSON object in the contract's names."""
        return await self._read(
            "credit_balance", lambda view: view.select("balance", "currency").single(), caller
        )

    async def open_credit_purchase(
        self,
        user_id: uuid.UUID,
        package_id: uuid.UUID,
        *,
        livemode: bool,
        idempotency_key: str | None,
        payment_method_id: str | None,
    ) -> Purchase:
        """Open a purchase at the package's present price, or give the one that this key has opened."""
        return await self._call(
            Purchase,
            "open_credit_purchase",
            user_id=user_id,
            package_id=package_id,
            livemode=livemode,
            # A call without a key would open two purchases when `_send` has to repeat it.
            idempotency_key=idempotency_key or f"topup-{uuid.uuid4()}",
            payment_method_id=payment_method_id,
        )

    async def attach_payment_intent(self, transaction_id: uuid.UUID, payment_intent_id: str) -> None:
        """Tie a purchase to its PaymentIntent. Repeating it changes nothing."""
        await self._call(
            dict,
            "attach_payment_intent",
            transaction_id=transaction_id,
            payment_intent_id=payment_intent_id,
        )

    async def save_stripe_customer(
        self, user_id: uuid.UUID, customer_id: str, *, livemode: bool, replaces: str | None = None
    ) -> str:
        """Keep a user's customer; give the one that counts: the first saved, unless `replaces` names it."""
        saved = await self._call(
            _SavedCustomer,
            "save_stripe_customer",
            user_id=user_id,
            livemode=livemode,
            customer_id=customer_id,
            replaces=replaces,
        )
        return saved.stripe_customer_id

    async def record_stripe_events(self, events: Sequence[Mapping[str, Any]]) -> list[EventOutcome]:
        """Record events in one transaction; their outcomes, in the same order."""
        outcomes = await self._call(list[EventOutcome], "record_stripe_events", events=events)
        if [outcome.id for outcome in outcomes] != [event["id"] for event in events]:
            raise FailedError("outcomes_do_not_match_events")
        return outcomes

    def load(self) -> None:
        """Begin to load what reads take, which would hold up the first of them."""
        self._rest.load()

    async def schema_version(self) -> int:
        """The version of the schema in the database."""
        return await self._call(int, "credit_schema_version")

    async def read_checks(self) -> list[Check]:
        """What each check found when it last ran; those that ever ran."""
        return await self._call(list[Check], "credit_checks")

    async def _call(self, answer: type[_Answer], function: str, **arguments: Any) -> _Answer:
        return _decoded(answer, function, await self._send(function, arguments))

    async def _send(self, function: str, arguments: Mapping[str, Any]) -> bytes:
        """Call a function; the body of a 2xx answer."""
        with self._telemetry.call("postgrest", function) as headers:
            return _accepted(await self._rest.call(function, arguments, headers))

    async def _select(self, answer: type[_Answer], view: str, query: Query) -> _Answer:
        """Read a view as the service."""
        return _decoded(answer, view, await self._read(view, query))

    async def _read(self, view: str, query: Query, caller: Caller | None = None) -> bytes:
        """Read a view, as the caller if one is given; the body of a 2xx answer."""
        with self._telemetry.call("postgrest", view) as headers:
            if caller is not None:
                headers["Authorization"] = f"Bearer {caller.token}"
            response = await self._rest.read(view, query, headers, as_user=caller is not None)
            return _accepted(response, as_user=caller is not None)


def _decoded(answer: type[_Answer], name: str, content: bytes) -> _Answer:
    try:
        return msgspec.json.decode(content, type=answer)
    except msgspec.DecodeError as error:
        raise FailedError(f"unexpected_answer_of_{name}") from error


def _accepted(response: httpx.Response, *, as_user: bool = False) -> bytes:
    if response.is_success:
        return response.content
    raise _refusal(response, as_user=as_user)


def _refusal(response: httpx.Response, *, as_user: bool) -> TopupError:
    try:
        refusal = msgspec.json.decode(response.content, type=_Refusal)
    except (msgspec.DecodeError, RecursionError):
        refusal = _Refusal()
    if isinstance(refusal.details, str) and refusal.details in _REFUSALS:
        kind, message = _REFUSALS[refusal.details]
        return kind(message, refusal.details)
    status = response.status_code
    if as_user and status == HTTPStatus.UNAUTHORIZED:
        return NotAuthenticatedError("refused_by_postgrest")
    code = f"postgrest_{status}_{refusal.code}"
    if as_user and status == HTTPStatus.FORBIDDEN:
        return ForbiddenError("User not authorized for action", code)
    # A statement whose connection broke has no SQLSTATE, and PostgREST makes a 400 of it.
    cut_off = status == HTTPStatus.BAD_REQUEST and refusal.code == ""
    if cut_off or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        log.error("supabase failed", code=code)
        return UnavailableError(code)
    return FailedError(code)
