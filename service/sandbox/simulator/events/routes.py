"""The operations on events."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from stripe.params import EventListParams, EventRetrieveParams

from service.sandbox.simulator.errors import invalid_parameter, no_such
from service.sandbox.simulator.events.record import EventRecord
from service.sandbox.simulator.lists import PAGING, created_within, list_page
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_MAX_TYPES = 20


def _retrieve(call: Call) -> Object:
    event = call.account.events.get(call.key)
    if event is None:
        elsewhere = call.key in call.other_mode.events
        mode = call.other_mode.mode if elsewhere else None
        raise no_such("event", call.key, param="id", in_path=True, other_mode=mode)
    return event.render()


def _list(call: Call) -> Object:
    params = call.params
    types, pattern = params.get("types"), params.get("type")
    if types is not None and pattern is not None:
        raise invalid_parameter(
            "You may only specify one of these parameters: type, types.", "types", "parameters_exclusive"
        )
    if types is not None and len(types) > _MAX_TYPES:
        raise invalid_parameter(f"You may specify at most {_MAX_TYPES} types.", "types")
    patterns = types or ([pattern] if pattern is not None else ["*"])

    def wanted(event: EventRecord) -> bool:
        return (
            any(fnmatch.fnmatchcase(event.type, p) for p in patterns)
            and created_within(event.created, params.get("created"))
            and params.get("delivery_success") in {None, event.delivered}
        )

    return list_page(
        call.account.events, params, kind="event", wanted=wanted, render=EventRecord.render, url="/v1/events"
    )


ROUTES = (
    Route(
        "GET",
        "/v1/events",
        EventListParams,
        "event",
        _list,
        honours=PAGING | {"created", "delivery_success", "type", "types"},
        listed=True,
    ),
    Route("GET", "/v1/events/{id}", EventRetrieveParams, "event", _retrieve),
)
