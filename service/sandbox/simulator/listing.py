"""The operation that lists the objects of one kind, filtered by what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.lists import PAGING, created_within, list_page
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object


def list_route(plural: str, params: type, kind: str, *filters: str, named: str | None = None) -> Route:
    """`GET /v1/<plural>`.

    Args:
        plural: The account's collection.
        params: The SDK's TypedDict of the parameters.
        kind: The `object` of what the list holds.
        filters: The parameters that pick by a field of the same name; `created` takes a range as well.
        named: What an error calls the kind, if not by its `object`.
    """

    def run(call: Call) -> Object:
        return list_filtered(call, plural, named or kind, *filters)

    return Route("GET", f"/v1/{plural}", params, kind, run, honours=PAGING.union(filters), listed=True)


def list_filtered(call: Call, plural: str, kind: str, *filters: str) -> Object:
    """One page of those objects that have what the parameters ask for; see `list_route`.

    Raises:
        StripeError: What `list_page` raises.
    """
    asked = call.params
    fields = [name for name in filters if name != "created"]

    def wanted(found: Object) -> bool:
        return created_within(found["created"], asked.get("created")) and all(
            asked.get(name) in {None, found[name]} for name in fields
        )

    collection = getattr(call.account, plural)
    return list_page(collection, asked, kind=kind, wanted=wanted, render=dict, url=f"/v1/{plural}")
