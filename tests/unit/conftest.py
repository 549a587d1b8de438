"""What the unit tests share: sound settings, and the signing key of a made-up Supabase project."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from service.settings import Settings
from tests.unit.tokens import URL, public_jwk


@pytest.fixture
def env() -> dict[str, str]:
    """A complete environment: every required variable, no optional one."""
    return {
        "SUPABASE_URL": URL,
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_Zm9vYmFyYmF6",
        "SUPABASE_SECRET_KEY": "sb_secret_c3VwZXJzZWNyZXQ",
        "STRIPE_SECRET_KEY": "sk_test_51AbCdEfGhIjKlMnOp",
        "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef0123456789abcdef",
    }


@pytest.fixture(name="settings")
def make_settings(env: dict[str, str]) -> Settings:
    return Settings.from_env(env)


@pytest.fixture(scope="session")
def signing_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


@pytest.fixture(scope="session")
def jwks(signing_key: EllipticCurvePrivateKey) -> dict[str, Any]:
    """The JWKS that publishes `signing_key` under the id `current`."""
    return {"keys": [public_jwk(signing_key, "current")]}
