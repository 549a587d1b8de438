"""The application: settings in, Litestar out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import httpx
from litestar import Litestar, Response, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from service.auth import Authenticator, provide_caller
from service.checkout import create_payment_intent
from service.errors import answer_error
from service.health import Readiness, get_live, get_ready
from service.ledger import Ledger
from service.logs import configure_logs
from service.payments import Payments
from service.reads import get_balance, get_credit_packages, get_payment_history
from service.recorder import EventRecorder
from service.request_log import RequestLog
from service.settings import Settings
from service.telemetry import Telemetry
from service.webhooks import WebhookReceiver, webhook_route

if TYPE_CHECKING:
    from service.metrics import Metrics
    from service.traces import Traces

SUPABASE_TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0, pool=5.0)
"""Seconds. Postgres needs milliseconds, and Stripe waits for the answer to a webhook longer than this."""

SUPABASE_CONNECTIONS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=100, keepalive_expiry=30
)


_TRACE_CONTEXT: Final = ("traceparent", "tracestate")
"""The headers of W3C Trace Context, with which a page's own trace goes on here."""


def create_app(settings: Settings) -> Litestar:
    """The service of one Supabase project and one Stripe account. Building it opens no connection."""
    configure_logs(settings)
    http = httpx.AsyncClient(timeout=SUPABASE_TIMEOUT, limits=SUPABASE_CONNECTIONS)
    metrics = _metrics(settings)
    telemetry = Telemetry(metrics, _traces(settings))
    ledger = Ledger(settings, http, telemetry)
    payments = Payments(settings, ledger, telemetry)
    readiness = Readiness(ledger)
    authenticator = Authenticator(settings, http)
    recorder = EventRecorder(ledger, telemetry=telemetry)
    receiver = WebhookReceiver(settings.stripe_webhook_secrets, recorder, telemetry)
    metrics_routes = []
    if metrics is not None:
        metrics.watch_recorder(lambda: recorder.waiting)
        metrics_routes.append(_metrics_route(settings, metrics, readiness, ledger))

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        authenticator.load()
        ledger.load()
        payments.connect()
        try:
            yield
        finally:
            await payments.close()
            await http.aclose()
            await telemetry.close()

    app = Litestar(
        [
            Router(
                "/api/stripe",
                route_handlers=[
                    get_credit_packages,
                    create_payment_intent,
                    get_payment_history,
                    get_balance,
                    webhook_route(receiver),
                ],
                security=[{"supabase": []}],
                tags=["Stripe"],
            ),
            Router("/health", route_handlers=[get_live, get_ready], tags=["Health"]),
            *metrics_routes,
        ],
        dependencies={
            "ledger": _constant(ledger),
            "payments": _constant(payments),
            "authenticator": _constant(authenticator),
            "readiness": _constant(readiness),
            "caller": Provide(provide_caller),
        },
        exception_handlers={Exception: answer_error},
        cors_config=_cors(settings),
        openapi_config=_openapi(),
        lifespan=[lifespan],
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    # Litestar's own list of middleware is passed over on 404 and 405.
    app.asgi_handler = RequestLog(app.asgi_handler, telemetry)
    return app


def _metrics(settings: Settings) -> "Metrics | None":
    if settings.metrics_token is None and settings.metrics_port is None:
        return None
    from service.metrics import Metrics  # noqa: PLC0415 - slow to import, and not wanted by all

    return Metrics()


def _traces(settings: Settings) -> "Traces | None":
    if settings.otlp_endpoint is None:
        return None
    from service.traces import Traces, export_to  # noqa: PLC0415 - slow to import, and an extra of the package

    return Traces(export_to(settings))


def _metrics_route(settings: Settings, metrics: "Metrics", readiness: Readiness, ledger: Ledger) -> Router:
    from service.metrics import MetricsReader, get_metrics  # noqa: PLC0415 - the same

    reader = MetricsReader(settings, metrics, readiness, ledger)
    return Router("/", route_handlers=[get_metrics], dependencies={"metrics_reader": _constant(reader)})


def _constant(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _cors(settings: Settings) -> CORSConfig | None:
    if not settings.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID", *_TRACE_CONTEXT],
        expose_headers=["Retry-After", "X-Request-ID"],
        max_age=600,
    )


def _openapi() -> OpenAPIConfig:
    bearer = SecurityScheme(
        type="http", scheme="bearer", bearer_format="JWT", description="An access token of Supabase Auth"
    )
    return OpenAPIConfig(
        title="Topup",
        version=version("topup"),
        description="Prepaid credits for apps built on Supabase, paid with Stripe.",
        use_handler_docstrings=True,
        operation_id_creator=lambda route, _method, _path: route.handler_name,
        components=Components(security_schemes={"supabase": bearer}),
        # No page that loads scripts from elsewhere stands on the origin that takes payments.
        render_plugins=[JsonRenderPlugin(), YamlRenderPlugin()],
        openapi_router=Router(
            "/schema", route_handlers=[], include_in_schema=False, after_request=_envelope_404
        ),
    )


def _envelope_404(response: Response[Any]) -> Response[Any]:
    # For an unknown path below /schema Litestar has a page of its own.
    if response.status_code == NotFoundException.status_code:
        raise NotFoundException
    return response
