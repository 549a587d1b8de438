"""PostgREST over HTTP: a function is a POST with its arguments, a view a query of the `postgrest` client.

The client takes as long to import as Litestar does, so it is loaded after the start, in a thread. A function
needs none of it: webhooks are recorded without waiting for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import httpx
import msgspec
import structlog

from service.errors import UnavailableError
from service.settings import Settings

if TYPE_CHECKING:
    from postgrest import (
        AsyncPostgrestClient,
        AsyncRequestBuilder,
        AsyncSelectRequestBuilder,
        AsyncSingleRequestBuilder,
    )

View: TypeAlias = "AsyncRequestBuilder"
Query: TypeAlias = "Callable[[View], AsyncSelectRequestBuilder | AsyncSingleRequestBuilder]"
"""What is asked of a view."""

log = structlog.get_logger()


class _Clients(NamedTuple):
    as_user: "AsyncPostgrestClient"
    as_service: "AsyncPostgrestClient"


class Rest:
    """The functions and views of one project. Any answer is given back; `UnavailableError` if none comes."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._http = http
        self._url = settings.rest_url
        self._loading: asyncio.Task[_Clients] | None = None
        secret = settings.supabase_secret_key
        self._as_user = {"apikey": settings.supabase_publishable_key}
        self._as_service = {"apikey": secret}
        if not secret.startswith("sb_secret_"):
            # A legacy key is a JWT and goes into both headers; the new kind must never be a bearer token.
            self._as_service["Authorization"] = f"Bearer {secret}"

    def load(self) -> "asyncio.Task[_Clients]":
        """Begin to load the client of the views; the event loop goes on serving meanwhile."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        return self._loading

    async def call(
        self, function: str, arguments: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response:
        """Call a function as the service."""
        headers = {**self._as_service, "Content-Type": "application/json", **headers}
        url, content = f"{self._url}/rpc/{function}", msgspec.json.encode(arguments)
        request = self._http.build_request("POST", url, headers=headers, content=content)
        return await _answer(lambda: self._http.send(request))

    async def read(
        self, view: str, query: Query, headers: Mapping[str, str], *, as_user: bool
    ) -> httpx.Response:
        """Read a view as the service, or as the user whose access token is in the headers."""
        # A client that goes away must not take the loading away from the others.
        clients = await asyncio.shield(self.load())
        client = clients.as_user if as_user else clients.as_service
        request = query(client.from_(view)).request
        return await _answer(lambda: request.send(httpx.Headers(headers)))

    def _load(self) -> _Clients:
        from postgrest import AsyncPostgrestClient  # noqa: PLC0415 - slow to import

        return _Clients(
            *(
                AsyncPostgrestClient(self._url, headers=headers, http_client=self._http)
                for headers in (self._as_user, self._as_service)
            )
        )


async def _answer(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    try:
        try:
            return await send()
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            # An idle connection may be closed just as it is used. All that is sent here can be repeated.
            return await send()
    except httpx.HTTPError as error:
        log.warning("supabase is unreachable", cause=type(error).__name__)
        raise UnavailableError("supabase_unreachable") from error
