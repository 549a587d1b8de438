from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import loopback

if TYPE_CHECKING:
    from service.sandbox.stack import Stack


class User(NamedTuple):
    """Somebody who has signed up."""

    id: str
    email: str
    password: str
    access_token: str


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that supabase-py runs on."""
    return "asyncio"


@pytest.fixture(scope="module")
def user(stack: Stack) -> User:
    """Somebody new."""
    email, password = f"{uuid.uuid4()}@example.com", str(uuid.uuid4())
    answer = loopback.post(
        f"{stack.supabase.url}/auth/v1/signup",
        headers={"apikey": stack.supabase.publishable_key},
        json={"email": email, "password": password},
    ).raise_for_status()
    session = answer.json()
    return User(session["user"]["id"], email, password, session["access_token"])
