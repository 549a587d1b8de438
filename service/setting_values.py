"""Parsers of setting values: each gives the value, or a ValueError saying what is wrong with it."""

import base64
import ipaddress
import json
import re
from importlib.util import find_spec
from urllib.parse import SplitResult, unquote, urlsplit

LOG_LEVELS = ("debug", "info", "warning", "error")
MAX_PORT = 65535


def host(raw: str) -> str:
    """A host name or IP address to bind; `::` is all of IPv6 and IPv4."""
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", raw):
        raise ValueError("is not a host name or an IP address")
    return raw


def url(raw: str) -> str:
    """An https origin, or an http one on a private network; without the trailing slash."""
    parts = _split(raw)
    if parts.path not in {"", "/"}:
        raise ValueError("must be scheme, host and port alone, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def otlp_endpoint(raw: str) -> str:
    """A URL to which `/v1/traces` is added, so without the trailing slash. Its packages must be there."""
    parts = _split(raw)
    if find_spec("opentelemetry") is None:
        raise ValueError("needs the packages of topup[otel], which are not installed")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def otlp_headers(raw: str) -> tuple[tuple[str, str], ...]:
    """Names and values of headers, as the W3C's Baggage writes them: values are percent-encoded."""
    headers = []
    for part in raw.split(",") if raw else []:
        name, equals, value = part.partition("=")
        name, value = name.strip().lower(), unquote(value.strip())
        if not (equals and re.fullmatch(r"[a-z0-9!#$%&'*+.^_`|~-]+", name) and value.isprintable()):
            raise ValueError("holds something that is not name=value")
        headers.append((name, value))
    return tuple(headers)


def _split(raw: str) -> SplitResult:
    try:
        parts = urlsplit(raw)
        name, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not name or re.search(r"\s", raw):
        raise ValueError("is not an http or https URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be without a user, a query and a fragment")
    if parts.scheme == "http" and not _is_private(name):
        raise ValueError("must be https, since keys are sent to it")
    return parts


def _is_private(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name or name.endswith((".internal", ".local", ".localhost"))


def origins(raw: str) -> tuple[str, ...]:
    """Exact browser origins, as the Origin header has them."""
    found = tuple(part.strip() for part in raw.split(",")) if raw else ()
    for origin in found:
        if not re.fullmatch(
            r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:]+\](:\d{1,5})?", origin
        ):
            raise ValueError("holds something that is not an exact origin (no path, no *)")
    return tuple(origin.lower() for origin in found)


def publishable_key(raw: str) -> str:
    """The key that may be seen by everybody."""
    if raw.startswith("sb_secret_") or _jwt_role(raw) == "service_role":
        raise ValueError("holds the secret key")
    if not (re.fullmatch(r"sb_publishable_[\w-]+", raw, re.ASCII) or _jwt_role(raw) == "anon"):
        raise ValueError("is not a publishable key")
    return raw


def secret_key(raw: str) -> str:
    """The key that bypasses row-level security."""
    if raw.startswith("sb_publishable_") or _jwt_role(raw) == "anon":
        raise ValueError("holds the publishable key")
    if not (re.fullmatch(r"sb_secret_[\w-]+", raw, re.ASCII) or _jwt_role(raw) == "service_role"):
        raise ValueError("is not a secret key")
    return raw


def _jwt_role(raw: str) -> str | None:
    match = re.fullmatch(r"[\w-]+\.([\w-]+)\.[\w-]+", raw, re.ASCII)
    if match is None:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)))
    except ValueError:
        return None
    role = claims.get("role") if isinstance(claims, dict) else None
    return role if isinstance(role, str) else None


def jwt_secret(raw: str) -> str:
    """An HMAC secret of at least 256 bits, as RFC 7518 asks for HS256."""
    if len(raw.encode()) < 32:  # noqa: PLR2004 - 256 bits
        raise ValueError("is too short for HS256")
    return raw


def stripe_key(raw: str) -> str:
    """A secret or restricted key of Stripe."""
    if raw.startswith("pk_"):
        raise ValueError("holds the publishable key")
    if not re.fullmatch(r"[sr]k_(test|live)_\w+", raw, re.ASCII):
        raise ValueError("is not a secret key of Stripe")
    return raw


def webhook_secrets(raw: str) -> tuple[str, ...]:
    """One or more signing secrets of webhook endpoints."""
    secrets = tuple(part.strip() for part in raw.split(","))
    # An empty secret verifies against an empty key, which anyone can forge.
    if not all(re.fullmatch(r"whsec_[A-Za-z0-9+/=_-]{16,}", secret) for secret in secrets):
        raise ValueError("holds something that is not a webhook signing secret")
    return secrets


def metrics_token(raw: str) -> str:
    """A bearer token that cannot be guessed."""
    if not re.fullmatch(r"[\x21-\x7e]{32,}", raw):
        raise ValueError("can be guessed or does not fit into a header")
    return raw


def log_level(raw: str) -> str:
    """One of LOG_LEVELS."""
    if raw.lower() not in LOG_LEVELS:
        raise ValueError("is not a log level")
    return raw.lower()


def port(raw: str) -> int:
    """A TCP port; 0 lets the system choose."""
    if not re.fullmatch(r"[0-9]{1,5}", raw) or int(raw) > MAX_PORT:
        raise ValueError("is not a port number")
    return int(raw)
