"""The operations on webhook endpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stripe.params import (
    WebhookEndpointCreateParams,
    WebhookEndpointDeleteParams,
    WebhookEndpointListParams,
    WebhookEndpointRetrieveParams,
    WebhookEndpointUpdateParams,
)

from service.sandbox.simulator.errors import invalid_parameter, not_simulated
from service.sandbox.simulator.events.record import API_VERSION
from service.sandbox.simulator.fields import check_metadata, set_fields, set_metadata
from service.sandbox.simulator.ids import new_id
from service.sandbox.simulator.lists import PAGING, list_page
from service.sandbox.simulator.routes import Call, Route
from service.sandbox.simulator.webhook_endpoints.secrets import SigningSecrets

if TYPE_CHECKING:
    from service.sandbox.simulator.objects import Object


def _create(call: Call) -> Object:
    params, account = call.params, call.account
    version = params.get("api_version", API_VERSION)
    if version != API_VERSION:
        raise not_simulated(f"events of the version {version}", "api_version")
    endpoint: Object = {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": int(time.time()),
        "description": params.get("description") or None,
        "enabled_events": _check_events(params["enabled_events"]),
        "livemode": account.livemode,
        "metadata": check_metadata(params.get("metadata", {})),
        "status": "enabled",
        "url": _check_url(params["url"]),
    }
    secrets = SigningSecrets()
    account.webhook_endpoints.add(endpoint["id"], endpoint)
    account.signing_secrets[endpoint["id"]] = secrets
    # Shown this once and never again.
    return endpoint | {"secret": secrets.current}


def _retrieve(call: Call) -> Object:
    return call.find("webhook endpoint", "webhook_endpoints")


def _update(call: Call) -> Object:
    endpoint, params = _retrieve(call), dict(call.params)
    if "url" in params:
        params["url"] = _check_url(params["url"])
    if "enabled_events" in params:
        params["enabled_events"] = _check_events(params["enabled_events"])
    set_metadata(endpoint, params)
    set_fields(endpoint, params, ("description", "enabled_events", "url"))
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    return endpoint


def _delete(call: Call) -> Object:
    endpoint = _retrieve(call)
    call.account.webhook_endpoints.remove(endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _list(call: Call) -> Object:
    return list_page(
        call.account.webhook_endpoints,
        call.params,
        kind="webhook endpoint",
        wanted=lambda _: True,
        render=dict,
        url="/v1/webhook_endpoints",
    )


def _check_events(events: list[str]) -> list[str]:
    if not events:
        raise invalid_parameter("You must enable at least one event.", "enabled_events")
    if "*" in events and len(events) > 1:
        raise invalid_parameter("'*' enables all events and stands alone.", "enabled_events")
    return list(dict.fromkeys(events))


def _check_url(url: str) -> str:
    # Stripe insists on https in live mode. Here every endpoint is on this machine, whatever the mode.
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid_parameter(
            "Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid"
        )
    return url


ROUTES = (
    Route(
        "POST",
        "/v1/webhook_endpoints",
        WebhookEndpointCreateParams,
        "webhook_endpoint",
        _create,
        honours=frozenset({"api_version", "description", "enabled_events", "metadata", "url"}),
    ),
    Route(
        "GET",
        "/v1/webhook_endpoints",
        WebhookEndpointListParams,
        "webhook_endpoint",
        _list,
        honours=PAGING,
        listed=True,
    ),
    Route("GET", "/v1/webhook_endpoints/{id}", WebhookEndpointRetrieveParams, "webhook_endpoint", _retrieve),
    Route(
        "POST",
        "/v1/webhook_endpoints/{id}",
        WebhookEndpointUpdateParams,
        "webhook_endpoint",
        _update,
        honours=frozenset({"description", "disabled", "enabled_events", "metadata", "url"}),
    ),
    Route(
        "DELETE",
        "/v1/webhook_endpoints/{id}",
        WebhookEndpointDeleteParams,
        "webhook_endpoint",
        _delete,
    ),
)
