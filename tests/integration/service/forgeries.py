"""Access tokens that no sound service takes, each made from a good one by a single change."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.service.shop import claims_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.stack import Stack
    from tests.integration.service.shop import User


class Attacker:
    """Knows all that is public about a project, and holds a good token of its own."""

    def __init__(self, stack: Stack, user: User, public_key: dict[str, str]) -> None:
        self.stack = stack
        self.user = user
        self.public_key = public_key
        self.kid = public_key["kid"]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token, some of them replaced."""
        return claims_of(self.stack, self.user.id, **changes)

    def signed(self, **changes: Any) -> str:
        """A token signed by the project itself, which is wrong in one claim alone."""
        return self.stack.supabase.sign_token(self.claims(**changes))

    @property
    def public_pem(self) -> bytes:
        """The project's public key as PEM."""
        key = jwt.PyJWK(self.public_key).key
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = key.public_bytes(serialization.Encoding.PEM, form)
        return pem


def segment(value: object) -> bytes:
    """One part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def unsigned(algorithm: str, claims: dict[str, Any], kid: str, signature: bytes = b"") -> str:
    """A token that claims to need no signature."""
    head = segment({"alg": algorithm, "typ": "JWT", "kid": kid})
    return b".".join([head, segment(claims), segment(signature)]).decode()


def hs256(claims: dict[str, Any], secret: bytes, **header: str) -> str:
    """A token signed by hand: PyJWT refuses to take a public key for a secret."""
    signed = b".".join([segment({"alg": "HS256", "typ": "JWT", **header}), segment(claims)])
    return b".".join([signed, segment(hmac.digest(secret, signed, "sha256"))]).decode()


def _with_another_key(attacker: Attacker) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(attacker.claims(), key, "ES256", {"kid": attacker.kid})


def _of_another_project(attacker: Attacker) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    claims = attacker.claims(iss="https://zyxwvutsrqponmlkjihg.supabase.co/auth/v1")
    return jwt.encode(claims, key, "ES256", {"kid": "5b1f8a52-9c1e-4f55-8a52-3a3c3a1d7a10"})


def _with_the_key_brought_along(attacker: Attacker) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    own = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    header = {"kid": "own", "jwk": own, "jku": "https://attacker.example/jwks.json"}
    return jwt.encode(attacker.claims(), key, "ES256", header)


def _with_other_claims(attacker: Attacker) -> str:
    head, _, signature = attacker.user.token.split(".")
    return ".".join([head, segment(attacker.claims(sub=str(uuid.uuid4()))).decode(), signature])


def _without_its_signature(attacker: Attacker) -> str:
    return attacker.user.token.rpartition(".")[0] + "."


class Attack(NamedTuple):
    """A name, and the token."""

    name: str
    forge: Callable[[Attacker], str]


FORGERIES: Final = (
    Attack("signed with another key", _with_another_key),
    Attack("of another project", _of_another_project),
    Attack("with the key brought along", _with_the_key_brought_along),
    Attack("with other claims under a good signature", _with_other_claims),
    Attack("without its signature", _without_its_signature),
    Attack("alg none", lambda a: unsigned("none", a.claims(), a.kid)),
    Attack("alg None", lambda a: unsigned("None", a.claims(), a.kid)),
    Attack("alg none with a signature", lambda a: unsigned("none", a.claims(), a.kid, b"x" * 64)),
    Attack("alg missing", lambda a: unsigned("", a.claims(), a.kid)),
    Attack("ES256 with a signature of zeros", lambda a: unsigned("ES256", a.claims(), a.kid, bytes(64))),
    Attack(
        "HS256 signed with the public JWK",
        lambda a: hs256(a.claims(), json.dumps(a.public_key).encode(), kid=a.kid),
    ),
    Attack("HS256 signed with the public PEM", lambda a: hs256(a.claims(), a.public_pem, kid=a.kid)),
    Attack("HS256 signed with the public x", lambda a: hs256(a.claims(), a.public_key["x"].encode())),
    Attack("HS256 signed with nothing", lambda a: hs256(a.claims(), b"")),
    Attack("HS256 signed with the publishable key", lambda a: hs256(a.claims(), _publishable(a).encode())),
)
"""Not signed by the project: no part of Supabase takes them either."""

MISUSES: Final = (
    Attack("expired", lambda a: a.signed(exp=int(time.time()) - 1)),
    Attack("expired long ago", lambda a: a.signed(exp=1)),
    Attack("without an expiry", lambda a: a.signed(exp=None)),
    Attack("not yet valid", lambda a: a.signed(nbf=int(time.time()) + 3600)),
    Attack("for another audience", lambda a: a.signed(aud="anon")),
    Attack("without an audience", lambda a: a.signed(aud=None)),
    Attack("of another issuer", lambda a: a.signed(iss="https://zyxwvutsrqponmlkjihg.supabase.co/auth/v1")),
    Attack("of an issuer that begins alike", lambda a: a.signed(iss=f"{a.stack.supabase.url}/auth/v1/../x")),
    Attack("without an issuer", lambda a: a.signed(iss=None)),
    Attack("without a subject", lambda a: a.signed(sub=None)),
    Attack("with a subject that is no user id", lambda a: a.signed(sub="1 or 1=1")),
    Attack("with the role service_role", lambda a: a.signed(role="service_role")),
    Attack("with the role anon", lambda a: a.signed(role="anon")),
    Attack("without a role", lambda a: a.signed(role=None)),
    Attack("with a list of roles", lambda a: a.signed(role=["authenticated", "service_role"])),
    Attack("the anon key", lambda a: a.stack.supabase.publishable_key),
    Attack("the legacy anon key", lambda a: a.signed(sub=None, aud=None, role="anon", iss="supabase")),
    Attack("the secret key", lambda a: a.stack.supabase.secret_key),
    Attack(
        "the legacy secret key", lambda a: a.signed(sub=None, aud=None, role="service_role", iss="supabase")
    ),
    Attack("the Stripe key", lambda a: a.stack.stripe.secret_key),
)
"""Signed by the project itself, or a key of its own, and yet no access token of a user."""

ATTACKS: Final = (*FORGERIES, *MISUSES)
"""The service is to answer every one like no token at all."""


def _publishable(attacker: Attacker) -> str:
    return attacker.stack.supabase.publishable_key
