from __future__ import annotations

import base64
import hmac
import json
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from supabase.lib.client_options import SyncClientOptions

from service.sandbox.node import LOCAL_STACK
from service.sandbox.supabase import LocalSupabase, start_supabase
from supabase import create_client
from tests import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def supabase(stack: Stack) -> LocalSupabase:
    return stack.supabase


@pytest.fixture(scope="module")
def without_docker(supabase: LocalSupabase) -> Iterator[LocalSupabase]:
    """The stack that runs Postgres itself, whatever the other tests stand on."""
    if type(supabase) is LocalSupabase:
        yield supabase
    else:
        with start_supabase() as own:
            yield own


@pytest.fixture(scope="module")
def session(supabase: LocalSupabase) -> dict[str, Any]:
    return sign_up(supabase, new_email())


@pytest.fixture(scope="module")
def whoami(supabase: LocalSupabase) -> Iterator[str]:
    """The address of a function that tells as whom it is called; SQL alone makes and drops it."""
    name = f"whoami_{uuid.uuid4().hex}"
    address = f"{supabase.url}/rest/v1/rpc/{name}"
    with psycopg.connect(supabase.database_url, autocommit=True) as database:
        database.execute(
            f"""create function public.{name}() returns json language sql stable as
            $$ select json_build_object('role', current_user, 'user', auth.uid(), 'claim', auth.role()) $$"""
        )
        wait_for(address, supabase.secret_key, 200)
        yield address
        database.execute(f"drop function public.{name}()")
        wait_for(address, supabase.secret_key, 404)


def wait_for(address: str, key: str, status: int) -> None:
    deadline = time.monotonic() + 60
    while loopback.get(address, headers={"apikey": key}).status_code != status:
        assert time.monotonic() < deadline, "PostgREST did not reload its schema"
        time.sleep(0.02)


def new_email() -> str:
    return f"{uuid.uuid4()}@example.com"


def sign_up(supabase: LocalSupabase, email: str) -> dict[str, Any]:
    answer = loopback.post(
        f"{supabase.url}/auth/v1/signup",
        headers={"apikey": supabase.publishable_key},
        json={"email": email, "password": PASSWORD},
    )
    assert answer.status_code == 200, answer.text
    signed_up: dict[str, Any] = answer.json()
    return signed_up


def sign_hs256(claims: dict[str, Any], secret: bytes) -> str:
    """As an attacker signs: PyJWT itself refuses a public key for a secret."""
    signed = b".".join(encode(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + encode(hmac.digest(secret, signed, "sha256"))).decode()


def encode(part: dict[str, Any] | bytes) -> bytes:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def test_an_access_token_has_what_a_hosted_project_puts_into_it(
    supabase: LocalSupabase, session: dict[str, Any]
) -> None:
    token = session["access_token"]
    key = jwt.PyJWKClient(supabase.jwks_url).get_signing_key_from_jwt(token)
    issuer = f"{supabase.url}/auth/v1"
    claims = jwt.decode(token, key.key, ["ES256"], audience="authenticated", issuer=issuer)
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    assert (claims["sub"], claims["role"]) == (session["user"]["id"], "authenticated")
    assert (claims["exp"] - claims["iat"], claims["exp"]) == (3600, session["expires_at"])
    assert {
        "email",
        "phone",
        "app_metadata",
        "user_metadata",
        "aal",
        "amr",
        "session_id",
        "is_anonymous",
    } <= set(claims)


def test_the_published_keys_hold_nothing_private(supabase: LocalSupabase) -> None:
    (key,) = loopback.get(supabase.jwks_url).json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_supabase_py_signs_up_signs_in_refreshes_and_reads_under_its_own_role(
    supabase: LocalSupabase, whoami: str
) -> None:
    email = new_email()
    with httpx.Client(timeout=loopback.PATIENCE, trust_env=False) as http:
        options = SyncClientOptions(httpx_client=http)
        client = create_client(supabase.url, supabase.publishable_key, options)
        client.auth.sign_up({"email": email, "password": PASSWORD})
        client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        refreshed = client.auth.refresh_session()
        assert refreshed.user is not None
        claims = client.auth.get_claims()
        assert claims is not None
        assert claims["claims"]["sub"] == refreshed.user.id
        answer = client.rpc(whoami.rsplit("/", 1)[1], {}).execute()
        assert answer.data == {"role": "authenticated", "user": refreshed.user.id, "claim": "authenticated"}
        client.auth.sign_out()


def test_supabase_js_signs_up_signs_in_refreshes_and_reads_under_its_own_role(
    supabase: LocalSupabase, whoami: str
) -> None:
    script = """
        const { createClient } = require("@supabase/supabase-js");
        const [url, key, rpc, email, password] = process.argv.slice(1);
        const client = createClient(url, key, { realtime: { transport: require("ws") } });
        const must = ({ data, error }) => { if (error) throw error; return data; };
        (async () => {
          must(await client.auth.signUp({ email, password }));
          must(await client.auth.signInWithPassword({ email, password }));
          const { user } = must(await client.auth.refreshSession());
          must(await client.auth.getClaims());
          console.log(JSON.stringify({ id: user.id, seen: must(await client.rpc(rpc)) }));
          process.exit(0);
        })();
    """
    node = subprocess.run(
        [
            "node",
            "-e",
            script,
            supabase.url,
            supabase.publishable_key,
            whoami.rsplit("/", 1)[1],
            new_email(),
            PASSWORD,
        ],
        cwd=LOCAL_STACK,
        capture_output=True,
        text=True,
        check=False,
    )
    assert node.returncode == 0, node.stderr
    answer = json.loads(node.stdout)
    assert answer["seen"] == {"role": "authenticated", "user": answer["id"], "claim": "authenticated"}


def test_a_refresh_token_works_once_its_session_is_alive_and_not_after_sign_out(
    supabase: LocalSupabase,
) -> None:
    session = sign_up(supabase, new_email())
    headers = {"apikey": supabase.publishable_key}
    address = f"{supabase.url}/auth/v1/token?grant_type=refresh_token"
    renewed = loopback.post(address, headers=headers, json={"refresh_token": session["refresh_token"]})
    assert renewed.status_code == 200
    bearer = {**headers, "Authorization": f"Bearer {renewed.json()['access_token']}"}
    assert loopback.post(f"{supabase.url}/auth/v1/logout", headers=bearer).status_code == 204
    again = loopback.post(address, headers=headers, json={"refresh_token": renewed.json()["refresh_token"]})
    assert again.status_code == 400
    assert loopback.get(f"{supabase.url}/auth/v1/user", headers=bearer).status_code == 403


def test_an_opaque_key_stands_for_its_role_in_either_header(supabase: LocalSupabase, whoami: str) -> None:
    for key, role in ((supabase.publishable_key, "anon"), (supabase.secret_key, "service_role")):
        for headers in ({"apikey": key}, {"apikey": key, "Authorization": f"Bearer {key}"}):
            assert loopback.get(whoami, headers=headers).json() == {"role": role, "user": None, "claim": role}
        assert loopback.get(f"{whoami}?apikey={key}").json()["role"] == role


def test_a_user_token_beside_a_key_decides_the_role(
    supabase: LocalSupabase, whoami: str, session: dict[str, Any]
) -> None:
    for key in (supabase.publishable_key, supabase.secret_key):
        headers = {"apikey": key, "Authorization": f"Bearer {session['access_token']}"}
        assert loopback.get(whoami, headers=headers).json()["user"] == session["user"]["id"]


def test_a_request_without_a_good_key_is_refused(supabase: LocalSupabase, whoami: str) -> None:
    publishable, secret = supabase.publishable_key, supabase.secret_key
    for headers in (
        {},
        {"apikey": "sb_publishable_unknown"},
        {"Authorization": f"Bearer {secret}"},
        {"apikey": publishable, "Authorization": f"Bearer {secret}"},
        {"apikey": secret, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"},
    ):
        answer = loopback.get(whoami, headers=headers)
        assert (answer.status_code, "message" in answer.json()) == (401, True)
    assert loopback.post(f"{supabase.url}/auth/v1/signup", json={}).status_code == 401


def test_a_forged_token_is_refused_by_postgrest_and_by_auth(
    supabase: LocalSupabase, whoami: str, session: dict[str, Any]
) -> None:
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    kid = jwt.get_unverified_header(session["access_token"])["kid"]
    (public,) = loopback.get(supabase.jwks_url).json()["keys"]
    other_key = ec.generate_private_key(ec.SECP256R1())
    forged = [
        jwt.encode(claims, other_key, "ES256", headers={"kid": kid}),
        jwt.encode(claims, "", "none"),
        sign_hs256(claims, json.dumps(public).encode()),
        jwt.encode({**claims, "role": "service_role"}, "x" * 32, "HS256"),
        supabase.sign_token({**claims, "exp": int(time.time()) - 60}),
    ]
    for token in forged:
        headers = {"apikey": supabase.publishable_key, "Authorization": f"Bearer {token}"}
        assert loopback.get(whoami, headers=headers).status_code == 401
        assert loopback.get(f"{supabase.url}/auth/v1/user", headers=headers).status_code in {401, 403}
    genuine = {"apikey": supabase.publishable_key, "Authorization": f"Bearer {supabase.sign_token(claims)}"}
    assert loopback.get(whoami, headers=genuine).json()["user"] == session["user"]["id"]


def test_any_origin_may_call_and_read(supabase: LocalSupabase, whoami: str) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "apikey,authorization"
    preflight = loopback.options(whoami, headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == "apikey,authorization"
    for headers in ({"apikey": supabase.publishable_key}, {}):
        answer = loopback.get(whoami, headers={"Origin": "https://app.example", **headers})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]


def test_the_gateway_passes_status_range_and_body_through(supabase: LocalSupabase) -> None:
    headers = {"apikey": supabase.secret_key, "Prefer": "count=exact", "Range": "0-0"}
    answer = loopback.get(f"{supabase.url}/rest/v1/credit_packages?select=id", headers=headers)
    total = int(answer.headers["content-range"].split("/")[1])
    assert (answer.status_code, len(answer.json())) == (206 if total > 1 else 200, min(total, 1))
    missing = loopback.get(f"{supabase.url}/rest/v1/no_such_table", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "42P01")
    assert loopback.get(f"{supabase.url}/storage/v1/bucket", headers=headers).status_code == 404


def test_a_new_database_is_like_a_hosted_project(supabase: LocalSupabase) -> None:
    name = f"scratch_{uuid.uuid4().hex}"
    url = supabase.database_url.removesuffix("/postgres") + f"/{name}"
    with psycopg.connect(supabase.database_url, autocommit=True) as database:
        database.execute(f"create database {name}")
        try:
            with psycopg.connect(url, autocommit=True) as scratch:
                use_as_the_owner_of_a_hosted_project(scratch)
        finally:
            database.execute(f"drop database {name} with (force)")


def use_as_the_owner_of_a_hosted_project(database: psycopg.Connection) -> None:
    database.execute("create table public.mine (id uuid references auth.users (id))")
    database.execute("alter publication supabase_realtime add table public.mine")
    database.execute("create extension pg_trgm schema extensions")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("create table auth.theirs ()")
    for role in ("anon", "authenticated", "service_role"):
        database.execute(f"set role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("select from public.mine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("select from auth.users")
        database.execute("reset role")


def test_the_roles_are_those_of_a_hosted_project(supabase: LocalSupabase) -> None:
    with psycopg.connect(supabase.database_url) as database:
        roles = database.execute(
            """select rolname, rolsuper, rolcreatedb, rolbypassrls, rolcanlogin, rolinherit from pg_roles
            where rolname !~ '^(pg_|supabase_auth)' order by rolname"""
        ).fetchall()
    assert roles == [
        ("anon", False, False, False, False, False),
        ("authenticated", False, False, False, False, False),
        ("authenticator", False, False, False, True, False),
        ("postgres", False, True, True, True, True),
        ("service_role", False, False, True, False, False),
        ("supabase_admin", True, True, True, True, True),
    ]


def test_postgres_wants_the_password_listens_locally_and_keeps_what_it_commits(
    without_docker: LocalSupabase,
) -> None:
    for url in (without_docker.database_url, without_docker.admin_database_url):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url, password="wrong")
    with psycopg.connect(without_docker.admin_database_url) as database:
        settings = database.execute(
            "select setting from pg_settings where name in ('fsync', 'listen_addresses') order by name"
        ).fetchall()
    assert settings == [("on",), ("127.0.0.1",)]


def test_the_config_is_accepted_by_the_cli_without_a_warning(without_docker: LocalSupabase) -> None:
    said = (without_docker.data_dir / "migrations.log").read_text()
    assert "Finished supabase db push" in said
    assert "WARN" not in said


def test_secrets_are_private_and_in_no_log(without_docker: LocalSupabase) -> None:
    keys = without_docker.data_dir / "keys.json"
    assert keys.stat().st_mode & 0o777 == 0o600
    kept = json.loads(keys.read_text())
    secrets = [value for name, value in kept.items() if name != "signing_key"] + [kept["signing_key"]["d"]]
    logs = "".join(log.read_text(errors="replace") for log in without_docker.data_dir.glob("*.log"))
    assert "PostgREST" in logs
    assert not [secret for secret in secrets if secret in logs]
