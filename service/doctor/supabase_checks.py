"""The Supabase project: reached, publishing its signing keys, its API keys good, its schema new enough."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from service.doctor.clock import check_clock
from service.doctor.findings import Finding, Level, error, ok
from service.doctor.minimums import MINIMUM
from service.errors import TopupError, UnavailableError
from service.ledger import SCHEMA_VERSION, Ledger
from service.settings import Settings

_DENIED: Final = "42501"  # Postgres: insufficient_privilege
_NO_FUNCTION: Final = "PGRST202"
_PUSH: Final = "Apply the migrations: supabase db push --remote."
_API_KEYS: Final = "Copy it from the project's settings, API keys."


class _Package(msgspec.Struct):
    name: str
    amount: Decimal
    currency: str


async def check_supabase(settings: Settings, http: httpx.AsyncClient) -> list[Finding]:
    """Everything about Supabase; only that it is unreachable if it is."""
    sent = time.time()
    try:
        jwks = await http.get(settings.jwks_url)
    except httpx.HTTPError as failure:
        fix = "Is SUPABASE_URL right, and the project not paused?"
        return [error("Supabase", f"{settings.supabase_url} cannot be reached: {explain(failure)}", fix)]
    received = time.time()
    clock = check_clock("Supabase", jwks.headers, sent, received)
    publishable, written = await asyncio.gather(
        _check_publishable_key(settings, http), _check_secret_key_and_packages(settings, http)
    )
    reached = ok("Supabase", f"{settings.supabase_url} answers in {(received - sent) * 1000:.0f} ms")
    return [reached, _check_jwks(settings, jwks), publishable, *written, *([clock] if clock else [])]


def explain(failure: Exception) -> str:
    """A transport error in words, its kind where it has none."""
    return str(failure) or type(failure).__name__


def _check_jwks(settings: Settings, answer: httpx.Response) -> Finding:
    if answer.status_code != HTTPStatus.OK:
        fix = "SUPABASE_URL must be the address of a Supabase project."
        return error("JWKS", f"{settings.jwks_url} answers {answer.status_code}", fix)
    kinds = sorted({_algorithm(key) for key in _keys_of(answer)} - {""})
    if kinds:
        also = ", and HS256 by SUPABASE_JWT_SECRET" if settings.supabase_jwt_secret else ""
        return ok("JWKS", f"access tokens are signed with {', '.join(kinds)}{also}")
    if settings.supabase_jwt_secret:
        return ok("JWKS", "no public key; access tokens are HS256 by SUPABASE_JWT_SECRET")
    return error(
        "JWKS",
        "the project publishes no signing key, so no user can be recognised",
        "Set SUPABASE_JWT_SECRET, or better, move the project to JWT signing keys.",
    )


def _keys_of(answer: httpx.Response) -> list[Any]:
    try:
        document = answer.json()
    except ValueError:
        return []
    keys = document.get("keys") if isinstance(document, dict) else None
    return keys if isinstance(keys, list) else []


def _algorithm(key: object) -> str:
    match key:
        case {"kty": "EC", "crv": "P-256"}:
            return "ES256"
        case {"kty": "RSA"}:
            return "RS256"
        case _:
            return ""


async def _check_publishable_key(settings: Settings, http: httpx.AsyncClient) -> Finding:
    """Ask for what this key must not get: a refusal by Postgres proves that the key is known and harmless."""
    name = "SUPABASE_PUBLISHABLE_KEY"
    answer = await _call_version(settings, http, {"apikey": settings.supabase_publishable_key})
    if isinstance(answer, str):
        return error(name, answer, "Look at the project's status in its dashboard.")
    if answer.is_success:
        fix = "Run the revoke and grant statements of sql/90_grants.sql."
        return error(name, "anybody may call the service's functions with it", fix)
    if _code_of(answer) in {_DENIED, _NO_FUNCTION}:
        return ok(name, "is accepted, and may not call the service's functions")
    return error(name, "is refused by the project", _API_KEYS)


async def _call_version(
    settings: Settings, http: httpx.AsyncClient, headers: Mapping[str, str]
) -> httpx.Response | str:
    try:
        answer = await http.post(f"{settings.rest_url}/rpc/credit_schema_version", json={}, headers=headers)
    except httpx.HTTPError as failure:
        return f"PostgREST cannot be reached: {explain(failure)}"
    if answer.is_server_error:
        return f"PostgREST answers {answer.status_code}"
    return answer


def _code_of(answer: httpx.Response) -> str | None:
    """The error's code from Postgres or PostgREST; the gateway's own answers have none."""
    try:
        refusal = answer.json()
    except ValueError:
        return None
    return refusal.get("code") if isinstance(refusal, dict) else None


async def _check_secret_key_and_packages(settings: Settings, http: httpx.AsyncClient) -> list[Finding]:
    key = await _check_secret_key(settings, http)
    return [key] if key.level is not Level.OK else [key, await _check_packages(settings, http)]


async def _check_secret_key(settings: Settings, http: httpx.AsyncClient) -> Finding:
    try:
        version = await Ledger(settings, http).schema_version()
    except TopupError as failure:
        return _explain_refusal(failure)
    if version < SCHEMA_VERSION:
        return error("schema", f"is version {version}, the service needs {SCHEMA_VERSION}", _PUSH)
    return ok("SUPABASE_SECRET_KEY", f"is accepted; the schema is version {version}")


def _explain_refusal(failure: TopupError) -> Finding:
    code = failure.code
    if isinstance(failure, UnavailableError):
        return error("schema", f"PostgREST does not answer ({code})", "Look at the project's status.")
    if code.endswith(_NO_FUNCTION):
        return error("schema", "is not installed in this project", _PUSH)
    if code.endswith(_DENIED):
        return error("SUPABASE_SECRET_KEY", "may not call the service's functions", _API_KEYS)
    if code.startswith("postgrest_401"):
        return error("SUPABASE_SECRET_KEY", "is refused by the project", _API_KEYS)
    return error("schema", f"cannot be asked for its version ({code})", _PUSH)


def _secret_headers(settings: Settings) -> dict[str, str]:
    secret = settings.supabase_secret_key
    # As in `Ledger`: a legacy key is a JWT and goes into both headers.
    bearer = {} if secret.startswith("sb_secret_") else {"Authorization": f"Bearer {secret}"}
    return {"apikey": secret, **bearer}


async def _check_packages(settings: Settings, http: httpx.AsyncClient) -> Finding:
    headers = _secret_headers(settings)
    query = {"select": "name,amount,currency", "is_active": "is.true", "order": "sort_order"}
    try:
        answer = await http.get(f"{settings.rest_url}/credit_packages", params=query, headers=headers)
        packages = msgspec.json.decode(answer.content, type=list[_Package])
    except httpx.HTTPError as failure:
        return error("packages", f"cannot be read: {explain(failure)}", "Try again.")
    except msgspec.DecodeError:
        return error("packages", f"cannot be read ({_code_of(answer)})", _PUSH)
    if not packages:
        fix = "Insert some into credits.packages; supabase/seed.sql shows how."
        return error("packages", "none is on sale", fix)
    small = [f"{p.name} ({p.amount} {p.currency})" for p in packages if p.amount < MINIMUM.get(p.currency, 0)]
    if small:
        fix = "Raise them: Stripe refuses less than its minimum charge amount."
        return error("packages", f"too small to be charged: {', '.join(small)}", fix)
    prices = ", ".join(f"{p.name} {p.amount} {p.currency}" for p in packages)
    return ok("packages", f"on sale: {prices}")
