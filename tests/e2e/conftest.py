from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that supabase-py runs on."""
    return "asyncio"
