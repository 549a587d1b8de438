"""Litestar with one route and nothing else: what a start costs at the least."""

from __future__ import annotations

from litestar import Litestar, get

from tests.bench.variants import serve


@get("/health/live")
async def get_live() -> dict[str, str]:
    """Answer as the service does."""
    return {"status": "live"}


if __name__ == "__main__":
    serve.run_plain(Litestar([get_live]))
