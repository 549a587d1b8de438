"""Each attack on a token that others have let through, and the tokens that must pass."""

import base64
import json
import time
from typing import TYPE_CHECKING, Any, cast

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from litestar import Request

from service.access_tokens import AccessTokens
from service.auth import Caller, provide_caller
from service.errors import NotAuthenticatedError, UnavailableError
from service.jwks import KeySet
from tests.unit.tokens import URL, claims, sign

if TYPE_CHECKING:
    from service.auth import Authenticator

LEGACY_SECRET = "a-legacy-secret-of-at-least-32-characters"

IN_2100 = 4_102_444_800
"""Not reckoned from now: a table of cases is made when tests are collected, perhaps long before they run."""


def authenticator(document: object, legacy_secret: str | None = None) -> AccessTokens:
    """One whose JWKS endpoint serves `document`; None stands for one that cannot be reached."""

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if document is None else httpx.Response(200, json=document)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return AccessTokens(KeySet(f"{URL}/jwks", http), f"{URL}/auth/v1", legacy_secret)


async def accept(token: str, document: object, legacy_secret: str | None = None) -> None:
    caller = await authenticator(document, legacy_secret).authenticate(token)
    assert caller.token == token


async def refusal(token: str, document: object, legacy_secret: str | None = None) -> str:
    with pytest.raises(NotAuthenticatedError) as caught:
        await authenticator(document, legacy_secret).authenticate(token)
    assert caught.value.message == "User not authenticated"
    return caught.value.code


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_good_token_gives_its_user(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any]
) -> None:
    payload = claims()
    token = sign(signing_key, payload)
    caller = await authenticator(jwks).authenticate(token)
    assert (str(caller.user_id), caller.token) == (payload["sub"], token)
    assert token not in repr(caller)


async def test_an_anonymous_sign_in_is_a_user_too(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any]
) -> None:
    await accept(sign(signing_key, claims(is_anonymous=True)), jwks)


async def test_a_token_issued_ahead_of_our_clock_is_good(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any]
) -> None:
    await accept(sign(signing_key, claims(iat=int(time.time()) + 30)), jwks)


async def test_an_rs256_token_is_verified_with_the_projects_rsa_key() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    document = {"keys": [{**public, "kid": "current", "alg": "RS256"}]}
    await accept(sign(key, claims(), "RS256"), document)
    assert await refusal(sign(key, claims(), "PS256"), document)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"nbf": IN_2100},
        {"aud": "anon"},
        {"aud": None},
        {"iss": "https://zyxwvutsrqponmlk.supabase.co/auth/v1"},
        {"iss": f"{URL}/auth/v1/"},
        {"iss": None},
        {"sub": None},
        {"sub": "admin"},
        {"role": "anon"},
        {"role": "service_role"},
        {"role": None},
    ],
)
async def test_a_token_with_a_wrong_or_missing_claim_is_refused(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert await refusal(sign(signing_key, claims(**changes)), jwks)


async def test_a_token_signed_with_another_key_is_refused(jwks: dict[str, Any]) -> None:
    stranger = generate_private_key(SECP256R1())
    assert await refusal(sign(stranger, claims()), jwks) == "InvalidSignatureError"
    assert await refusal(sign(stranger, claims(), kid="stranger"), jwks) == "unknown_key"


@pytest.mark.parametrize("kid", [None, "", "../current"])
async def test_a_token_without_a_known_key_id_is_refused(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any], kid: str | None
) -> None:
    assert await refusal(sign(signing_key, claims(), kid=kid), jwks) == "unknown_key"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("legacy_secret", [None, LEGACY_SECRET])
async def test_an_unsigned_token_is_refused(
    jwks: dict[str, Any], algorithm: str, legacy_secret: str | None
) -> None:
    header = segment({"alg": algorithm, "kid": "current", "typ": "JWT"})
    for signature in ("", "AAAA"):
        assert await refusal(f"{header}.{segment(claims())}.{signature}", jwks, legacy_secret)


@pytest.mark.parametrize("legacy_secret", [None, LEGACY_SECRET])
async def test_hs256_signed_with_the_public_key_is_refused(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any], legacy_secret: str | None
) -> None:
    published = signing_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for secret in (published, json.dumps(jwks["keys"][0]).encode(), jwks["keys"][0]["x"].encode()):
        # PyJWT refuses to sign with a public key, so this is signed by hand.
        signed = f"{segment({'alg': 'HS256', 'kid': 'current'})}.{segment(claims())}"
        signature = base64.urlsafe_b64encode(hmac.sign(signed.encode(), secret)).rstrip(b"=").decode()
        assert await refusal(f"{signed}.{signature}", jwks, legacy_secret)


async def test_hs256_is_refused_unless_the_legacy_secret_is_configured(jwks: dict[str, Any]) -> None:
    for kid in (None, "current"):
        token = sign(LEGACY_SECRET, claims(), "HS256", kid)
        assert await refusal(token, jwks) == "unknown_key"
        await accept(token, jwks, LEGACY_SECRET)
        assert await refusal(token, jwks, LEGACY_SECRET[::-1]) == "InvalidSignatureError"


async def test_hs384_and_the_like_are_refused_even_with_the_right_secret(jwks: dict[str, Any]) -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = sign(LEGACY_SECRET, claims(), "HS384")
    assert await refusal(token, jwks, LEGACY_SECRET)


async def test_an_empty_legacy_secret_verifies_nothing(jwks: dict[str, Any]) -> None:
    header_and_claims = f"{segment({'alg': 'HS256'})}.{segment(claims())}"
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(hmac.sign(header_and_claims.encode(), b"")).rstrip(b"=").decode()
    assert await refusal(f"{header_and_claims}.{signature}", jwks, "")


async def test_the_token_comes_in_one_authorization_header(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any]
) -> None:
    token = sign(signing_key, claims())

    async def caller_of(*values: str) -> Caller:
        headers = [(b"authorization", value.encode()) for value in values]
        scope: Any = {"type": "http", "headers": headers}
        return await provide_caller(Request(scope), cast("Authenticator", authenticator(jwks)))

    for scheme in ("Bearer", "bearer", "BEARER"):
        assert (await caller_of(f"{scheme} {token}")).token == token
    good = f"Bearer {token}"
    for values in ([], [token], [f"Basic {token}"], [good, good], [f"{good}, {good}"], [good, "Basic x"]):
        with pytest.raises(NotAuthenticatedError):
            await caller_of(*values)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "bearer", "\0", "ÿ.ÿ.ÿ", "🔑", "e30.e30.e30", "e30.e30", "W10.W10.", "." * 9000],
)
async def test_garbage_is_refused_and_never_an_error(jwks: dict[str, Any], token: str) -> None:
    assert await refusal(token, jwks, LEGACY_SECRET)


async def test_a_tampered_payload_is_refused(
    signing_key: EllipticCurvePrivateKey, jwks: dict[str, Any]
) -> None:
    header, _, signature = sign(signing_key, claims()).split(".")
    assert await refusal(f"{header}.{segment(claims())}.{signature}", jwks) == "InvalidSignatureError"


async def test_a_key_address_in_the_token_is_not_followed(jwks: dict[str, Any]) -> None:
    stranger = generate_private_key(SECP256R1())
    headers = {
        "kid": "stranger",
        "jku": "https://attacker.example/jwks.json",
        "x5u": "https://attacker.example",
    }
    assert await refusal(jwt.encode(claims(), stranger, "ES256", headers), jwks) == "unknown_key"


async def test_while_no_key_can_be_had_the_answer_is_503_and_not_401(
    signing_key: EllipticCurvePrivateKey,
) -> None:
    with pytest.raises(UnavailableError):
        await authenticator(None).authenticate(sign(signing_key, claims()))
