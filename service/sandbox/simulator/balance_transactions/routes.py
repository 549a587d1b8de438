"""The operations on balance transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import BalanceTransactionListParams, BalanceTransactionRetrieveParams

from service.sandbox.simulator.lists import PAGING, created_within, list_page
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_FILTERS = ("currency", "source", "type")


def _retrieve(call: Call) -> Object:
    return call.find("balance transaction", "balance_transactions")


def _list(call: Call) -> Object:
    params = call.params

    def wanted(booked: Object) -> bool:
        return created_within(booked["created"], params.get("created")) and all(
            params.get(name) in {None, booked[name]} for name in _FILTERS
        )

    return list_page(
        call.account.balance_transactions,
        params,
        kind="balance transaction",
        wanted=wanted,
        render=dict,
        url="/v1/balance_transactions",
    )


ROUTES = (
    Route(
        "GET",
        "/v1/balance_transactions",
        BalanceTransactionListParams,
        "balance_transaction",
        _list,
        honours=PAGING | {"created", *_FILTERS},
        listed=True,
    ),
    Route(
        "GET",
        "/v1/balance_transactions/{id}",
        BalanceTransactionRetrieveParams,
        "balance_transaction",
        _retrieve,
    ),
)
