"""The JWKS endpoint here is a stand-in that fails and rotates on command; the real one is in integration."""

import asyncio
import copy
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from jwt.algorithms import ECAlgorithm, HMACAlgorithm

from service.errors import UnavailableError
from service.jwks import COOLDOWN, LIFETIME, KeySet
from tests.unit.tokens import URL, public_jwk


class Endpoint:
    """A JWKS endpoint that counts its requests. It serves `document`, None standing for a failure."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document: Any = document
        self.requests = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 1000.0
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        self.keys = KeySet(f"{URL}/auth/v1/.well-known/jwks.json", client, lambda: self.now)

    async def answer(self, _request: httpx.Request) -> httpx.Response:
        """Serve one request, once the gate is open."""
        self.requests += 1
        await self.gate.wait()
        if self.document is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json=self.document)


@pytest.fixture
def endpoint(jwks: dict[str, Any]) -> Endpoint:
    return Endpoint(copy.deepcopy(jwks))


async def test_keys_are_fetched_once_for_their_lifetime(endpoint: Endpoint) -> None:
    for _ in range(3):
        assert await endpoint.keys.find("current") is not None
    endpoint.now += LIFETIME - 1
    assert await endpoint.keys.find("current") is not None
    assert endpoint.requests == 1
    endpoint.now += 1
    assert await endpoint.keys.find("current") is not None
    assert endpoint.requests == 2


async def test_requests_that_come_together_share_one_fetch(endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    waiting = [asyncio.create_task(endpoint.keys.find("current")) for _ in range(20)]
    await asyncio.sleep(0)
    endpoint.gate.set()
    assert None not in await asyncio.gather(*waiting)
    assert endpoint.requests == 1


async def test_a_caller_that_goes_away_does_not_end_the_fetch_of_the_others(endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    first, second = (asyncio.create_task(endpoint.keys.find("current")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    endpoint.gate.set()
    assert await second is not None
    assert first.cancelled()
    assert endpoint.requests == 1


async def test_a_key_that_was_rotated_in_is_found_after_the_cooldown(endpoint: Endpoint) -> None:
    await endpoint.keys.find("current")
    endpoint.document["keys"].append(public_jwk(generate_private_key(SECP256R1()), "next"))
    endpoint.now += COOLDOWN
    assert await endpoint.keys.find("next") is not None
    assert endpoint.requests == 2


async def test_made_up_key_ids_cause_one_fetch_per_cooldown(endpoint: Endpoint) -> None:
    await endpoint.keys.find("current")
    endpoint.now += COOLDOWN
    for number in range(50):
        assert await endpoint.keys.find(f"made-up-{number}") is None
    assert endpoint.requests == 2


async def test_a_key_that_was_withdrawn_is_forgotten(endpoint: Endpoint) -> None:
    await endpoint.keys.find("current")
    endpoint.document = {"keys": [public_jwk(generate_private_key(SECP256R1()), "next")]}
    endpoint.now += LIFETIME
    assert await endpoint.keys.find("current") is None


@pytest.mark.parametrize("broken", [None, {"keys": None}, [], "maintenance"])
async def test_old_keys_stay_in_use_while_the_fetch_fails(endpoint: Endpoint, broken: object) -> None:
    await endpoint.keys.find("current")
    endpoint.document = broken
    endpoint.now += LIFETIME
    for _ in range(3):
        assert await endpoint.keys.find("current") is not None
    assert endpoint.requests == 2, "a failing endpoint is left alone for the cooldown"


async def test_without_any_key_yet_the_service_is_unavailable_and_tries_again(endpoint: Endpoint) -> None:
    good, endpoint.document = endpoint.document, None
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await endpoint.keys.find("current")
    endpoint.document = good
    assert await endpoint.keys.find("current") is not None


async def test_a_project_without_public_keys_has_none(endpoint: Endpoint) -> None:
    endpoint.document = {"keys": []}
    assert await endpoint.keys.find("current") is None


async def test_unusable_keys_are_left_out_and_the_others_used(endpoint: Endpoint) -> None:
    wrong_curve = ECAlgorithm.to_jwk(generate_private_key(SECP384R1()).public_key(), as_dict=True)
    symmetric = HMACAlgorithm.to_jwk("s" * 32, as_dict=True)
    good = endpoint.document["keys"][0]
    endpoint.document["keys"] += [
        {**symmetric, "kid": "symmetric", "alg": "HS256"},
        {**wrong_curve, "kid": "wrong-curve"},
        {**good, "kid": "wrong-algorithm", "alg": "HS256"},
        {**good, "kid": "for-encryption", "use": "enc"},
        {**good, "kid": 7},
        {"kid": "empty"},
        "text",
    ]
    for kid in ("symmetric", "wrong-curve", "wrong-algorithm", "for-encryption", "empty"):
        assert await endpoint.keys.find(kid) is None
    assert await endpoint.keys.find("current") is not None
