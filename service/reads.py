"""The three GET endpoints: PostgREST's own bytes, read as the user under row-level security, enveloped."""

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from service.auth import Caller
from service.contract import BALANCE_RESPONSES, HISTORY_RESPONSES, PACKAGES_RESPONSES
from service.errors import FAILURE_TEXT
from service.ledger import Ledger


@get(
    "/credit-packages",
    summary="Get Credit Packages",
    responses=PACKAGES_RESPONSES,
    opt={FAILURE_TEXT: "Failed to fetch credit packages"},
)
async def get_credit_packages(
    caller: NamedDependency[Caller], ledger: NamedDependency[Ledger]
) -> Response[bytes]:
    """Retrieve all credit packages that are for sale."""
    return _enveloped(await ledger.read_packages(caller))


@get(
    "/payment-history",
    summary="Get Payment History",
    responses=HISTORY_RESPONSES,
    opt={FAILURE_TEXT: "Failed to fetch payment history"},
)
async def get_payment_history(
    caller: NamedDependency[Caller], ledger: NamedDependency[Ledger]
) -> Response[bytes]:
    """Retrieve the payments of the authenticated user: the newest 1000, newest first."""
    return _enveloped(await ledger.read_history(caller))


@get(
    "/balance",
    summary="Get User Balance",
    responses=BALANCE_RESPONSES,
    opt={FAILURE_TEXT: "Failed to fetch balance"},
)
async def get_balance(caller: NamedDependency[Caller], ledger: NamedDependency[Ledger]) -> Response[bytes]:
    """Retrieve the credit balance of the authenticated user. A debt is below zero."""
    return _enveloped(await ledger.read_balance(caller))


def _enveloped(json: bytes) -> Response[bytes]:
    # Decoding would turn 5.00 into a float.
    return Response(b'{"success":true,"data":' + json + b"}", media_type=MediaType.JSON)
