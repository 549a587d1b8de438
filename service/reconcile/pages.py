"""Lists of Stripe, page by page; the next page is on its way while one is worked on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from service.patience import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.stripe_api import Page


class Lister(Protocol):
    """Who gives pages of a list: `StripeApi`."""

    async def list_page(self, path: str, **params: Any) -> Page:
        """One page, the newest objects first."""
        ...


class _Listed(msgspec.Struct):
    id: str
    created: int


async def read_pages(stripe_api: Lister, path: str, **params: Any) -> AsyncIterator[Page]:
    """Every page of a list, waiting out rate limits and outages."""

    async def fetch(cursor: dict[str, str]) -> Page:
        return await patiently(stripe_api.list_page, path, **params, **cursor)

    fetching: asyncio.Task[Page] | None = asyncio.create_task(fetch({}))
    try:
        while fetching is not None:
            page = await fetching
            fetching = None
            if page.has_more:
                fetching = asyncio.create_task(fetch({"starting_after": last_of(page).id}))
            yield page
    finally:
        if fetching is not None:
            fetching.cancel()


def last_of(page: Page) -> _Listed:
    """The oldest object of a page that has one: its id and when it was created."""
    return msgspec.json.decode(page.data[-1], type=_Listed)
