"""The ASGI application: Stripe's API below /v1, Stripe.js, and the simulator's own below /_simulator."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.handlers import get as get_handler

from service.sandbox.simulator.balance_transactions.routes import ROUTES as BALANCE_TRANSACTIONS
from service.sandbox.simulator.charges.routes import ROUTES as CHARGES
from service.sandbox.simulator.control.challenge import CHALLENGE_HANDLERS
from service.sandbox.simulator.control.deliveries import DELIVERY_HANDLERS
from service.sandbox.simulator.control.world import WORLD_HANDLERS
from service.sandbox.simulator.customers.routes import ROUTES as CUSTOMERS
from service.sandbox.simulator.disputes.routes import ROUTES as DISPUTES
from service.sandbox.simulator.errors import StripeError, render_error, unrecognized_url
from service.sandbox.simulator.events.record import API_VERSION, pretty
from service.sandbox.simulator.events.routes import ROUTES as EVENTS
from service.sandbox.simulator.ids import short_id
from service.sandbox.simulator.objects import Object
from service.sandbox.simulator.operation import Received
from service.sandbox.simulator.options import Options
from service.sandbox.simulator.payment_intents.routes import ROUTES as PAYMENT_INTENTS
from service.sandbox.simulator.payment_methods.routes import ROUTES as PAYMENT_METHODS
from service.sandbox.simulator.protocol import CUT
from service.sandbox.simulator.refunds.routes import ROUTES as REFUNDS
from service.sandbox.simulator.routes import Route
from service.sandbox.simulator.simulator import Simulator
from service.sandbox.simulator.stripe_js.routes import get_part, get_stripe_js
from service.sandbox.simulator.webhook_endpoints.routes import ROUTES as WEBHOOK_ENDPOINTS

ROUTES: tuple[Route, ...] = (
    *BALANCE_TRANSACTIONS,
    *CHARGES,
    *CUSTOMERS,
    *DISPUTES,
    *EVENTS,
    *PAYMENT_INTENTS,
    *PAYMENT_METHODS,
    *REFUNDS,
    *WEBHOOK_ENDPOINTS,
)


def create_app(secret_keys: Sequence[str], options: Options | None = None) -> Litestar:
    """An application that knows these secret keys and their publishable twins, with nothing in it yet.

    Raises:
        ValueError: Something that is no secret key.
    """
    chosen = options or Options()

    @asynccontextmanager
    async def run(app: Litestar) -> AsyncIterator[None]:
        app.state.simulator = Simulator(secret_keys, chosen)
        try:
            yield
        finally:
            await app.state.simulator.close()

    control = Router(
        "/_simulator",
        route_handlers=[read_state, *DELIVERY_HANDLERS, *WORLD_HANDLERS, *CHALLENGE_HANDLERS, get_part],
    )
    return Litestar(
        [*map(_handler, ROUTES), control, get_stripe_js],
        lifespan=[run],
        dependencies={"simulator": Provide(_simulator, sync_to_thread=False)},
        exception_handlers={
            StripeError: _answer_error,
            NotFoundException: _answer_unrecognized,
            MethodNotAllowedException: _answer_unrecognized,
            HTTPException: _answer_refused,
        },
        # Pages of any origin call Stripe from the browser.
        cors_config=CORSConfig(allow_origins=["*"], expose_headers=["Request-Id", "Stripe-Version"]),
        openapi_config=None,
        logging_config=None,
    )


@get_handler("/")
async def read_state(simulator: NamedDependency[Simulator]) -> Object:
    """Which version of Stripe's API this is, and how much is still going to happen by itself."""
    return {"api_version": API_VERSION, "pending": simulator.activity.pending}


def _simulator(state: State) -> Simulator:
    simulator: Simulator = state.simulator
    return simulator


def _handler(route: Route) -> HTTPRouteHandler:
    async def handle(
        request: Request[Any, Any, Any], simulator: NamedDependency[Simulator]
    ) -> Response[bytes]:
        received = Received(
            headers=request.headers,
            path=request.url.path,
            key=request.path_params.get("id", ""),
            query=request.url.query,
            body=await request.body(),
            base_url=f"{request.url.scheme}://{request.url.netloc}",
        )
        answer = await simulator.operations.answer(route, received)
        if answer.lost:
            request.scope["extensions"][CUT]()  # type: ignore[index, operator]  # CuttableProtocol's
            # The server notices the end of the connection now, and drops what is answered to nobody.
            await asyncio.sleep(0)
        return Response(
            answer.body, status_code=answer.status, headers=answer.headers, media_type="application/json"
        )

    path = route.path.replace("{id}", "{id:str}")
    return HTTPRouteHandler(path, http_method=route.method, status_code=200)(handle)


def _envelope(error: StripeError) -> Response[bytes]:
    request_id = short_id("req")
    body = pretty(render_error(error, request_id, livemode=False))
    headers = {"Request-Id": request_id}
    return Response(body, status_code=error.status, headers=headers, media_type="application/json")


def _answer_error(_: Request[Any, Any, Any], error: StripeError) -> Response[bytes]:
    return _envelope(error)


def _answer_unrecognized(request: Request[Any, Any, Any], _: HTTPException) -> Response[bytes]:
    return _envelope(unrecognized_url(request.method, request.url.path))


def _answer_refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    details = f"{error.detail} {error.extra or ''}".strip()
    return _envelope(StripeError(error.status_code, "invalid_request_error", details))
