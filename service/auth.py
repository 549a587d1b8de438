"""Who is calling: the user whose access token came with the request."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from litestar import Request
from litestar.di import NamedDependency

from service.errors import NotAuthenticatedError
from service.settings import Settings

if TYPE_CHECKING:
    from service.access_tokens import AccessTokens


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user, and the token that proves it. Anonymous sign-ins are users too."""

    user_id: uuid.UUID
    token: str = field(repr=False)


class Authenticator:
    """Verifies access tokens by `access_tokens.py`, which it loads in a thread, once."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._loading: asyncio.Task[AccessTokens] | None = None

    def load(self) -> "asyncio.Task[AccessTokens]":
        """Begin to load it; the event loop goes on serving meanwhile."""
        if self._loading is None:
            self._loading = asyncio.create_task(
                asyncio.to_thread(_load_access_tokens, self._settings, self._http)
            )
        return self._loading

    async def authenticate(self, token: str) -> Caller:
        """The user of a token; `NotAuthenticatedError` for any token that is not a valid one."""
        # A client that goes away must not take the loading away from the others.
        return await (await asyncio.shield(self.load())).authenticate(token)


def _load_access_tokens(settings: Settings, http: httpx.AsyncClient) -> "AccessTokens":
    from service.access_tokens import AccessTokens  # noqa: PLC0415 - slow to import
    from service.jwks import KeySet  # noqa: PLC0415

    keys = KeySet(settings.jwks_url, http)
    return AccessTokens(keys, settings.jwt_issuer, settings.supabase_jwt_secret)


async def provide_caller(
    request: Request[Any, Any, Any], authenticator: NamedDependency[Authenticator]
) -> Caller:
    """Litestar dependency: the user whose bearer token came with the request."""
    headers = request.headers.getall("authorization", [])
    if len(headers) != 1:
        raise NotAuthenticatedError("no_token" if not headers else "several_tokens")
    scheme, _, token = headers[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticatedError("no_bearer_token")
    return await authenticator.authenticate(token.strip())
