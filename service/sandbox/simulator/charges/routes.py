"""The operations on charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import ChargeListParams, ChargeRetrieveParams, ChargeUpdateParams

from service.sandbox.simulator.fields import set_fields, set_metadata
from service.sandbox.simulator.listing import list_route
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object


def _retrieve(call: Call) -> Object:
    return call.find("charge", "charges")


def _update(call: Call) -> Object:
    charge = call.find("charge", "charges")
    fields = ("description", "receipt_email", "transfer_group")
    previous = set_metadata(charge, call.params) | set_fields(charge, call.params, fields)
    call.context.emit("charge.updated", charge, previous)
    return charge


ROUTES = (
    list_route(
        "charges", ChargeListParams, "charge", "created", "customer", "payment_intent", "transfer_group"
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
