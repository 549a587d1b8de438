"""The operations on charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import ChargeListParams, ChargeRetrieveParams, ChargeUpdateParams

from service.sandbox.simulator.fields import set_fields, set_metadata
from service.sandbox.simulator.lists import PAGING, created_within, list_page
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_FILTERS = ("customer", "payment_intent", "transfer_group")


def _retrieve(call: Call) -> Object:
    return call.find("charge", "charges")


def _update(call: Call) -> Object:
    charge = call.find("charge", "charges")
    fields = ("description", "receipt_email", "transfer_group")
    previous = set_metadata(charge, call.params) | set_fields(charge, call.params, fields)
    call.context.emit("charge.updated", charge, previous)
    return charge


def _list(call: Call) -> Object:
    params = call.params

    def wanted(charge: Object) -> bool:
        return created_within(charge["created"], params.get("created")) and all(
            params.get(name) in {None, charge[name]} for name in _FILTERS
        )

    return list_page(
        call.account.charges, params, kind="charge", wanted=wanted, render=dict, url="/v1/charges"
    )


ROUTES = (
    Route(
        "GET",
        "/v1/charges",
        ChargeListParams,
        "charge",
        _list,
        honours=PAGING | {"created", *_FILTERS},
        listed=True,
    ),
    Route("GET", "/v1/charges/{id}", ChargeRetrieveParams, "charge", _retrieve),
    Route(
        "POST",
        "/v1/charges/{id}",
        ChargeUpdateParams,
        "charge",
        _update,
        honours=frozenset({"description", "metadata", "receipt_email", "transfer_group"}),
    ),
)
