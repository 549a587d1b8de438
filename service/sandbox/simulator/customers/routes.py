"""The operations on customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe.params import (
    CustomerCreateParams,
    CustomerDeleteParams,
    CustomerListParams,
    CustomerPaymentMethodListParams,
    CustomerRetrieveParams,
    CustomerSearchParams,
    CustomerUpdateParams,
)

from service.sandbox.simulator.customers.customer import PLAIN_FIELDS, new_customer
from service.sandbox.simulator.fields import (
    check_email,
    full_address,
    full_shipping,
    set_fields,
    set_metadata,
)
from service.sandbox.simulator.listing import list_route
from service.sandbox.simulator.lists import PAGING, list_page
from service.sandbox.simulator.payment_methods.attaching import attach_to_customer, detach_from_customer
from service.sandbox.simulator.payment_methods.lookup import find_payment_method
from service.sandbox.simulator.routes import Call, Route
from service.sandbox.simulator.search import search_page

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object

_WRITTEN = frozenset({*PLAIN_FIELDS, "address", "email", "metadata", "shipping"})
_SEARCHED = frozenset({"created", "email", "metadata", "name", "phone"})


def _create(call: Call) -> Object:
    context, account = call.context, call.account
    customer = new_customer(call.params, livemode=account.livemode)
    method = None
    if "payment_method" in call.params:
        method = find_payment_method(call, call.params["payment_method"])
    account.customers.add(customer["id"], customer)
    if method is not None:
        try:
            attach_to_customer(context, method, customer["id"])
        except Exception:
            account.customers.remove(customer["id"])
            raise
    context.emit("customer.created", customer)
    return customer


def _retrieve(call: Call) -> Object:
    deleted = call.account.deleted_customers.get(call.key)
    return deleted or call.find("customer", "customers")


def _update(call: Call) -> Object:
    customer, params = call.find("customer", "customers"), dict(call.params)
    for name, complete in (("address", full_address), ("shipping", full_shipping)):
        if name in params:
            params[name] = complete(params[name])
    if "email" in params:
        params["email"] = check_email(params["email"])
    default = params.get("invoice_settings", {}).get("default_payment_method")
    if default is not None:
        method = call.find(
            "PaymentMethod", "payment_methods", default, "invoice_settings[default_payment_method]"
        )
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    previous = set_metadata(customer, params) | set_fields(customer, params, sorted(_WRITTEN - {"metadata"}))
    call.context.emit("customer.updated", customer, previous)
    return customer


def _delete(call: Call) -> Object:
    account, customer = call.account, call.find("customer", "customers")
    account.customers.remove(customer["id"])
    for method in account.payment_methods.newest_first():
        if method["customer"] == customer["id"]:
            detach_from_customer(call.context, method, silently=True)
    call.context.emit("customer.deleted", customer)
    gone: Object = {"id": customer["id"], "object": "customer", "deleted": True}
    account.deleted_customers[customer["id"]] = gone
    return gone


def _search(call: Call) -> Object:
    return search_page(call.account.customers, call.params, _SEARCHED, url="/v1/customers/search")


def _list_payment_methods(call: Call) -> Object:
    customer, params = call.find("customer", "customers"), call.params

    def wanted(method: Object) -> bool:
        return method["customer"] == customer["id"] and params.get("type") in {None, method["type"]}

    return list_page(
        call.account.payment_methods,
        params,
        kind="payment_method",
        wanted=wanted,
        render=dict,
        url=f"/v1/customers/{customer['id']}/payment_methods",
    )


ROUTES = (
    Route(
        "POST",
        "/v1/customers",
        CustomerCreateParams,
        "customer",
        _create,
        honours=_WRITTEN | {"payment_method"},
    ),
    list_route("customers", CustomerListParams, "customer", "created", "email"),
    Route(
        "GET",
        "/v1/customers/search",
        CustomerSearchParams,
        "customer",
        _search,
        honours=frozenset({"query", "limit", "page"}),
        listed=True,
    ),
    Route("GET", "/v1/customers/{id}", CustomerRetrieveParams, "customer", _retrieve),
    Route(
        "POST",
        "/v1/customers/{id}",
        CustomerUpdateParams,
        "customer",
        _update,
        honours=_WRITTEN | {"invoice_settings.default_payment_method"},
    ),
    Route("DELETE", "/v1/customers/{id}", CustomerDeleteParams, "customer", _delete),
    Route(
        "GET",
        "/v1/customers/{id}/payment_methods",
        CustomerPaymentMethodListParams,
        "payment_method",
        _list_payment_methods,
        honours=PAGING | {"type"},
        listed=True,
    ),
)
