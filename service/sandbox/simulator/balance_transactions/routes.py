"""The operations on balance transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import BalanceTransactionListParams, BalanceTransactionRetrieveParams

from service.sandbox.simulator.listing import list_route
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object


def _retrieve(call: Call) -> Object:
    return call.find("balance transaction", "balance_transactions")


ROUTES = (
    list_route(
        "balance_transactions",
        BalanceTransactionListParams,
        "balance_transaction",
        *("created", "currency", "source", "type"),
        named="balance transaction",
    ),
    Route(
        "GET",
        "/v1/balance_transactions/{id}",
        BalanceTransactionRetrieveParams,
        "balance_transaction",
        _retrieve,
    ),
)
