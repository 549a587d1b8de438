"""One request of the API, from its headers to its answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox.simulator.auth import Identity, Keyring, check_version
from service.sandbox.simulator.callers import validate_from_browser, validate_from_server
from service.sandbox.simulator.context import Context
from service.sandbox.simulator.errors import (
    StripeError,
    api_error,
    invalid_parameter,
    render_error,
)
from service.sandbox.simulator.events.record import API_VERSION, pretty
from service.sandbox.simulator.expand import check_expandable, expand
from service.sandbox.simulator.forms import FormError, decode_form
from service.sandbox.simulator.idempotency import SavedAnswer
from service.sandbox.simulator.ids import short_id
from service.sandbox.simulator.refunds.routes import list_refunds_of
from service.sandbox.simulator.routes import Call, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.sandbox.simulator.delivery.dispatcher import Dispatcher
    from service.sandbox.simulator.faults import Fault, Faults
    from service.sandbox.simulator.forms import Tree
    from service.sandbox.simulator.later import Later

log = logging.getLogger(__name__)
_FORM = "application/x-www-form-urlencoded"
_NOT_A_FORM = (
    f"Invalid request (check that your POST content type is {_FORM}). If you have any questions, we can "
    "help at https://support.stripe.com/."
)


@dataclass(frozen=True)
class Received:
    """What the caller sent: header names are in lowercase, `key` is the `{id}` of the path."""

    headers: Mapping[str, str]
    path: str
    key: str
    query: str
    body: bytes
    base_url: str


@dataclass(frozen=True)
class Answer:
    """What goes back. `lost` answers are cut off on the way, as a failing network would."""

    status: int
    headers: dict[str, str]
    body: bytes
    lost: bool = False


class Operations:
    """Runs routes: key, version, parameters, idempotency, the operation itself, expansion."""

    def __init__(self, keyring: Keyring, dispatcher: Dispatcher, later: Later, faults: Faults) -> None:
        self._keyring = keyring
        self._dispatcher = dispatcher
        self._later = later
        self._faults = faults

    async def answer(self, route: Route, received: Received) -> Answer:
        """Serve one request; errors become Stripe's envelope."""
        request_id = short_id("req")
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        idempotency_key = received.headers.get("idempotency-key") if route.method == "POST" else None
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        livemode = False
        fault = self._faults.match(route.method, received.path)
        try:
            if fault:
                fault.refuse()
            identity = self._keyring.identify(received.headers.get("authorization"))
            livemode = identity.account.livemode
            check_version(received.headers.get("stripe-version"))
            tree = _decode(route, received)
            request = _Request(route, received, identity, tree, request_id, idempotency_key or None)
            saved = await self._run_once(request, fault)
        except StripeError as error:
            return Answer(error.status, headers, pretty(render_error(error, request_id, livemode=livemode)))
        if saved.request_id != request_id:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
        return Answer(saved.status, headers, saved.body, lost=fault is not None and fault.loses_answer)

    async def _run_once(self, request: _Request, fault: Fault | None) -> SavedAnswer:
        """Run it, unless its idempotency key has an answer already."""
        key = request.idempotency_key
        if key is None:
            return await self._run(request, fault)
        keys = request.identity.account.idempotency
        saved = keys.begin(key, f"{request.route.method} {request.received.path}", request.tree)
        if saved is not None:
            return saved
        try:
            answer = await self._run(request, fault)
        except BaseException:
            keys.forget(key)
            raise
        keys.finish(key, answer)
        return answer

    async def _run(self, request: _Request, fault: Fault | None) -> SavedAnswer:
        """Run it; errors that an idempotency key does not remember are raised."""
        call = self._check(request)
        if fault:
            await self._faults.keep_waiting(fault)
        account = request.identity.account
        status = 200
        try:
            answer = request.route.run(call)
            paths = call.params.get("expand")
            if paths:
                answer = expand(answer, paths, account, lambda charge: list_refunds_of(account, charge))
            if fault:
                fault.crash()
        except StripeError as error:
            if not error.saved:
                raise
            status = error.status
            answer = render_error(error, request.request_id, livemode=account.livemode)
        except Exception:
            log.exception("%s %s failed", request.route.method, request.received.path)
            status = 500
            answer = render_error(api_error(), request.request_id, livemode=account.livemode)
        return SavedAnswer(status, pretty(answer), request.request_id)

    def _check(self, request: _Request) -> Call:
        identity, route, tree = request.identity, request.route, request.tree
        check = validate_from_browser if identity.publishable else validate_from_server
        params = check(route, tree)
        route.check_honoured(params)
        check_expandable(params.get("expand", []), route.kind, listed=route.listed)
        context = Context(
            account=identity.account,
            dispatcher=self._dispatcher,
            later=self._later,
            base_url=request.received.base_url,
            request_id=request.request_id,
            idempotency_key=request.idempotency_key,
        )
        other_mode = self._keyring.other_mode(identity.account)
        return Call(context, params, request.received.key, identity.publishable, other_mode)


@dataclass(frozen=True)
class _Request:
    route: Route
    received: Received
    identity: Identity
    tree: Tree
    request_id: str
    idempotency_key: str | None


def _decode(route: Route, received: Received) -> Tree:
    content_type = received.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if received.body and content_type != _FORM:
        raise invalid_parameter(_NOT_A_FORM)
    try:
        tree = decode_form(received.query)
        if route.method == "POST":
            tree |= decode_form(received.body.decode())
    except (FormError, UnicodeDecodeError) as error:
        raise invalid_parameter(f"{_NOT_A_FORM} ({error})") from error
    return tree
