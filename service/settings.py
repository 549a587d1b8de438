"""The service's settings: read once, from a mapping, and checked before anything starts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from service import setting_values as parse

STRIPE_API_BASE = "https://api.stripe.com"


class Variable(NamedTuple):
    """One environment variable: the field it fills, how it is read, and what it should look like.

    A `default` of None makes it required, unless it is `optional`.
    """

    name: str
    field: str
    parse: Callable[[str], object]
    looks_like: str
    default: str | None = None
    optional: bool = False


VARIABLES = (
    Variable(
        "SUPABASE_URL",
        "supabase_url",
        parse.url,
        "https://<ref>.supabase.co, or http://127.0.0.1:54321 locally",
    ),
    Variable(
        "SUPABASE_PUBLISHABLE_KEY",
        "supabase_publishable_key",
        parse.publishable_key,
        "sb_publishable_… or the legacy anon JWT",
    ),
    Variable(
        "SUPABASE_SECRET_KEY",
        "supabase_secret_key",
        parse.secret_key,
        "sb_secret_… or the legacy service_role JWT",
    ),
    Variable(
        "SUPABASE_JWT_SECRET",
        "supabase_jwt_secret",
        parse.jwt_secret,
        "the legacy JWT secret, at least 32 characters",
        optional=True,
    ),
    Variable(
        "STRIPE_SECRET_KEY",
        "stripe_secret_key",
        parse.stripe_key,
        "sk_test_…, sk_live_…, rk_test_… or rk_live_…",
    ),
    Variable(
        "STRIPE_WEBHOOK_SECRET",
        "stripe_webhook_secrets",
        parse.webhook_secrets,
        "whsec_…, or several separated by commas",
    ),
    Variable("STRIPE_API_BASE", "stripe_api_base", parse.url, "an address of Stripe's API", STRIPE_API_BASE),
    Variable(
        "TOPUP_CORS_ORIGINS",
        "cors_origins",
        parse.origins,
        "origins like https://app.example.com, separated by commas",
        "",
    ),
    Variable(
        "TOPUP_METRICS_TOKEN",
        "metrics_token",
        parse.metrics_token,
        "at least 32 characters without spaces, such as openssl rand -hex 32 prints",
        optional=True,
    ),
    Variable(
        "TOPUP_METRICS_PORT",
        "metrics_port",
        parse.port,
        "a port number that is not PORT, 0 for any free one",
        optional=True,
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "otlp_endpoint",
        parse.otlp_endpoint,
        "the address of an OpenTelemetry collector, like http://127.0.0.1:4318",
        optional=True,
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "otlp_headers",
        parse.otlp_headers,
        "name=value, or several separated by commas",
        "",
    ),
    Variable("TOPUP_LOG_LEVEL", "log_level", parse.log_level, "debug, info, warning or error", "info"),
    Variable("HOST", "host", parse.host, "an address to listen on", "127.0.0.1"),
    Variable("PORT", "port", parse.port, "a port number, 0 to 65535", "8000"),
)


class InvalidSettingsError(ValueError):
    """The environment does not configure the service.

    `problems` maps each variable to what is wrong with it. The message lists them all and repeats no value.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        lines = [f"  {name} {problem}" for name, problem in self.problems.items()]
        super().__init__("\n".join(["The settings are not complete:", *lines]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the service must know, each from one environment variable.

    SUPABASE_URL              the project: https://<ref>.supabase.co, or http://127.0.0.1:54321 locally
    SUPABASE_PUBLISHABLE_KEY  sb_publishable_… (or the legacy anon JWT): goes with reads of signed-in users
    SUPABASE_SECRET_KEY       sb_secret_… (or the legacy service_role JWT): calls the functions that write
    SUPABASE_JWT_SECRET       optional: the legacy JWT secret; HS256 tokens are accepted only where it is set
    STRIPE_SECRET_KEY         sk_test_…, sk_live_…, rk_test_… or rk_live_…: its mode is that of all purchases
    STRIPE_WEBHOOK_SECRET     whsec_…; several, comma separated, while one is being rotated
    STRIPE_API_BASE           optional: where Stripe's API is; default https://api.stripe.com
    TOPUP_CORS_ORIGINS        optional: origins that browsers may call from, comma separated; default none
    TOPUP_METRICS_TOKEN       optional: the bearer token that reads /metrics; default none, and no /metrics
    TOPUP_METRICS_PORT        optional: a port that serves /metrics to whoever reaches it; default none
    OTEL_EXPORTER_OTLP_ENDPOINT  optional: where traces go, as OTLP over HTTP; default none, and no traces
    OTEL_EXPORTER_OTLP_HEADERS   optional: headers that go with them, name=value, comma separated
    TOPUP_LOG_LEVEL           optional: debug, info, warning or error; default info
    HOST                      optional: the address to listen on; default 127.0.0.1
    PORT                      optional: the port to listen on, 0 for any free one; default 8000
    """

    supabase_url: str
    supabase_publishable_key: str
    supabase_secret_key: str = field(repr=False)
    supabase_jwt_secret: str | None = field(default=None, repr=False)
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_api_base: str = STRIPE_API_BASE
    cors_origins: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)
    metrics_port: int | None = None
    otlp_endpoint: str | None = None
    otlp_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    log_level: str = "info"
    host: str = "127.0.0.1"
    port: int = 8000

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read every variable, or raise `InvalidSettingsError` naming all that are missing or malformed.

        Space around a value is dropped, and an empty value counts as none.
        """
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for variable in VARIABLES:
            raw = env.get(variable.name, "").strip() or variable.default
            if raw is None:
                if not variable.optional:
                    problems[variable.name] = f"is missing: set it to {variable.looks_like}"
                continue
            try:
                values[variable.field] = variable.parse(raw)
            except ValueError as error:
                problems[variable.name] = f"{error}: set it to {variable.looks_like}"
        if not {"STRIPE_SECRET_KEY", "STRIPE_API_BASE"} & problems.keys():
            live = is_live(values["stripe_secret_key"])
            if live and values["stripe_api_base"] != STRIPE_API_BASE:
                problems["STRIPE_API_BASE"] = "goes with a live key, which is for Stripe alone: leave it out"
        if values.get("metrics_port") and values["metrics_port"] == values.get("port"):
            problems["TOPUP_METRICS_PORT"] = "is PORT, which everybody reaches: set it to another port"
        if problems:
            raise InvalidSettingsError(problems)
        return cls(**values)

    @property
    def livemode(self) -> bool:
        """Whether purchases move real money, as the Stripe key says."""
        return is_live(self.stripe_secret_key)

    @property
    def rest_url(self) -> str:
        """The address of PostgREST."""
        return f"{self.supabase_url}/rest/v1"

    @property
    def jwt_issuer(self) -> str:
        """The `iss` of this project's access tokens."""
        return f"{self.supabase_url}/auth/v1"

    @property
    def jwks_url(self) -> str:
        """Where the project publishes the keys that sign its access tokens."""
        return f"{self.jwt_issuer}/.well-known/jwks.json"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every configured value that must appear in no log."""
        values = (
            self.supabase_secret_key,
            self.supabase_jwt_secret,
            self.stripe_secret_key,
            self.metrics_token,
        )
        headers = (value for _, value in self.otlp_headers)
        return (*filter(None, values), *self.stripe_webhook_secrets, *headers)


def is_live(stripe_secret_key: str) -> bool:
    """Whether a Stripe key is of live mode: sk_live_… or rk_live_…."""
    return re.match(r"[sr]k_live_", stripe_secret_key) is not None
