"""The public keys behind a project's access tokens, fetched from its JWKS without blocking the event loop."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

import httpx
import jwt
import structlog

from service.errors import UnavailableError

LIFETIME: Final = 600.0
"""Seconds that fetched keys are used before they are fetched again."""

COOLDOWN: Final = 10.0
"""Seconds between two fetches while keys are at hand, so that made-up key ids cannot hammer Supabase."""

TIMEOUT: Final = 5.0
"""Seconds after which a fetch has failed."""

_USABLE: Final = (("EC", "P-256", "ES256"), ("RSA", None, "RS256"))
"""Kinds of keys: `kty`, `crv`, and the one algorithm that a key of this kind verifies."""

log = structlog.get_logger()


class KeySet:
    """Keys by `kid`, at most LIFETIME seconds old; older ones stay in use while a fetch fails.

    An unknown `kid` causes one fetch, at most every COOLDOWN seconds. Requests in need of a fetch share it.
    """

    def __init__(
        self, url: str, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = False
        self._fresh_until = 0.0
        self._quiet_until = 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """The key with this id, or None; `UnavailableError` when the JWKS could never be fetched."""
        if kid not in self._keys or self._clock() >= self._fresh_until:
            await self._refresh()
        if not self._fetched:
            raise UnavailableError("jwks_unreachable")
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        if self._fetching is None:
            if self._fetched and self._clock() < self._quiet_until:
                return
            self._fetching = asyncio.create_task(self._fetch())
        # A client that goes away must not take the fetch away from the others.
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            response = await self._http.get(self._url, timeout=TIMEOUT)
            response.raise_for_status()
            self._keys = _usable_keys(response.json())
            self._fetched = True
            self._fresh_until = self._clock() + LIFETIME
        except (httpx.HTTPError, ValueError) as error:
            log.warning("signing keys could not be fetched", cause=type(error).__name__)
        finally:
            self._quiet_until = self._clock() + COOLDOWN
            self._fetching = None


def _usable_keys(document: object) -> dict[str, jwt.PyJWK]:
    """The keys for ES256 and RS256 by id; the rest of a JWKS, symmetric keys above all, is left out."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWKS")  # noqa: TRY004 - a malformed document, not a wrong call
    keys: dict[str, jwt.PyJWK] = {}
    for item in listed:
        algorithm = _algorithm_of(item) if isinstance(item, dict) else None
        if algorithm is not None and isinstance(item.get("kid"), str):
            with contextlib.suppress(jwt.PyJWTError):
                keys[item["kid"]] = jwt.PyJWK(item, algorithm)
    return keys


def _algorithm_of(item: Mapping[str, object]) -> str | None:
    for kind, curve, algorithm in _USABLE:
        if (item.get("kty"), item.get("crv")) == (kind, curve):
            fits = item.get("alg", algorithm) == algorithm and item.get("use", "sig") == "sig"
            return algorithm if fits else None
    return None
