"""Access tokens of a made-up Supabase project: good ones, and every kind of bad one."""

import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey | str

URL = "https://abcdefghijklmnop.supabase.co"


def public_jwk(key: EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    """The JWK that publishes a key."""
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "alg": "ES256", "use": "sig"}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good access token, some of them replaced; None takes a claim out."""
    good = {
        "sub": str(uuid.uuid4()),
        "aud": "authenticated",
        "role": "authenticated",
        "iss": f"{URL}/auth/v1",
        "exp": int(time.time()) + 3600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def sign(key: PrivateKey, payload: dict[str, Any], algorithm: str = "ES256", kid: object = "current") -> str:
    """A token signed with any key and algorithm; no kid if it is None."""
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(payload, key, algorithm, headers)
