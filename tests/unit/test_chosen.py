import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from service.sandbox.errors import SandboxError
from tests.chosen import choose_supabase, given_project

KEY = generate_private_key(SECP256R1())
PROJECT = {
    "SUPABASE_URL": "http://127.0.0.1:54321/",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_x",
    "TOPUP_TEST_DATABASE_URL": "postgresql://postgres@127.0.0.1:54322/postgres",
    "TOPUP_TEST_ADMIN_DATABASE_URL": "postgresql://supabase_admin@127.0.0.1:54322/postgres",
    "TOPUP_TEST_SIGNING_KEY": json.dumps({**ECAlgorithm.to_jwk(KEY, as_dict=True), "kid": "of-the-project"}),
}


def test_without_a_choice_the_tests_run_on_the_local_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOPUP_TEST_STACK", raising=False)
    assert choose_supabase() is None


def test_an_unknown_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPUP_TEST_STACK", "kubernetes")
    with pytest.raises(SandboxError, match="set it to docker or url"):
        choose_supabase()


def test_a_project_that_runs_is_taken_as_it_is_given() -> None:
    with given_project(PROJECT) as supabase:
        assert supabase.url == "http://127.0.0.1:54321"
        assert supabase.jwks_url == "http://127.0.0.1:54321/auth/v1/.well-known/jwks.json"
        assert supabase.data_dir.is_dir()
        with pytest.raises(SandboxError, match="was not started here"):
            supabase.stop_postgres()
        token = supabase.sign_token({"sub": "somebody"})
    assert jwt.decode(token, KEY.public_key(), ["ES256"]) == {"sub": "somebody"}
    assert jwt.get_unverified_header(token)["kid"] == "of-the-project"


@pytest.mark.parametrize("name", PROJECT)
def test_what_is_missing_of_a_project_is_named(name: str) -> None:
    with (
        pytest.raises(SandboxError, match=f"needs {name}"),
        given_project({key: value for key, value in PROJECT.items() if key != name}),
    ):
        raise AssertionError("it began")
