from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING

import httpx
import pytest

from service.doctor.clock import check_clock
from service.doctor.examination import examine
from service.doctor.findings import Finding, Level, error, ok, warning
from service.doctor.report import has_errors, print_findings, to_json
from service.doctor.settings_checks import check_settings
from service.doctor.supabase_checks import check_supabase
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_800_000_000.0
NO_KEY = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}


def named(findings: list[Finding], check: str) -> Finding:
    [found] = [finding for finding in findings if finding.check == check]
    return found


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0, "ok"), (9, "ok"), (-9, "ok"), (30, "warning"), (-30, "warning"), (200, "error"), (-200, "error")],
)
def test_clock_is_judged_by_how_far_it_is_off(ahead: float, level: str) -> None:
    found = check_clock("Stripe", {"date": formatdate(NOW, usegmt=True)}, NOW + ahead, NOW + ahead + 0.2)
    assert found is not None
    assert found.level.value == level
    if level != "ok":
        assert ("ahead" if ahead > 0 else "behind") in found.message


def test_slow_answer_is_no_wrong_clock() -> None:
    found = check_clock("Stripe", {"date": formatdate(NOW, usegmt=True)}, NOW - 60, NOW + 60)
    assert found is not None
    assert found.level is Level.OK


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_answer_without_a_date_tells_nothing_about_the_clock(headers: dict[str, str]) -> None:
    assert check_clock("Stripe", headers, NOW, NOW) is None


async def test_problems_of_settings_are_findings_with_what_to_set() -> None:
    findings = await examine({"SUPABASE_PUBLISHABLE_KEY": "sb_secret_oops"})
    assert all(finding.level is Level.ERROR and finding.fix for finding in findings)
    swapped = named(findings, "SUPABASE_PUBLISHABLE_KEY")
    assert swapped.message == "holds the secret key"
    assert swapped.fix is not None
    assert swapped.fix.startswith("Set it to sb_publishable_…")
    assert "sb_secret_oops" not in str(findings)


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({}, "mode", "ok"),
        ({"STRIPE_SECRET_KEY": "sk_live_abc"}, "mode", "ok"),
        ({"STRIPE_SECRET_KEY": "sk_live_abc", "SUPABASE_URL": "http://127.0.0.1:54321"}, "mode", "warning"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:12111"}, "mode", "ok"),
        ({}, "TOPUP_CORS_ORIGINS", "ok"),
        ({"TOPUP_CORS_ORIGINS": "https://app.example.com"}, "TOPUP_CORS_ORIGINS", "ok"),
        ({"TOPUP_CORS_ORIGINS": "http://app.example.com"}, "TOPUP_CORS_ORIGINS", "warning"),
        (
            {"TOPUP_CORS_ORIGINS": "http://localhost:3000", "SUPABASE_URL": "http://127.0.0.1:54321"},
            "TOPUP_CORS_ORIGINS",
            "ok",
        ),
    ],
)
def test_mode_and_origins_are_judged_by_the_settings_alone(
    env: dict[str, str], changes: dict[str, str], check: str, level: str
) -> None:
    findings = list(check_settings(Settings.from_env(env | changes)))
    assert named(findings, check).level.value == level


def hosted(jwks: object, rpc: httpx.Response | None = None) -> httpx.AsyncClient:
    """A project in states that the local one is never in; the schema is well unless `rpc` says otherwise."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("jwks.json"):
            return httpx.Response(200, json=jwks)
        if rpc is not None and request.url.path.endswith("credit_schema_version"):
            return rpc
        if "publishable" in request.headers["apikey"]:
            return httpx.Response(401, json={"code": "42501", "message": "permission denied"})
        if request.url.path.endswith("credit_schema_version"):
            return httpx.Response(200, json=1)
        return httpx.Response(200, json=[{"name": "Small", "amount": 5.00, "currency": "usd"}])

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("keys", "secret", "level", "words"),
    [
        ([{"kty": "EC", "crv": "P-256"}], None, "ok", "ES256"),
        ([{"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}], None, "ok", "ES256, RS256"),
        ([], "x" * 32, "ok", "HS256 by SUPABASE_JWT_SECRET"),
        ([], None, "error", "publishes no signing key"),
        ([{"kty": "oct"}, 7], None, "error", "publishes no signing key"),
        (None, None, "error", "publishes no signing key"),
    ],
)
async def test_project_must_sign_with_keys_that_the_service_can_check(
    env: dict[str, str],
    keys: object,
    secret: str | None,
    level: str,
    words: str,
) -> None:
    settings = Settings.from_env(env | ({"SUPABASE_JWT_SECRET": secret} if secret else {}))
    found = named(await check_supabase(settings, hosted({"keys": keys})), "JWKS")
    assert found.level.value == level
    assert words in found.message


@pytest.mark.parametrize(
    ("answer", "check", "words"),
    [
        (httpx.Response(401, json=NO_KEY), "SUPABASE_SECRET_KEY", "is refused by the project"),
        (httpx.Response(503, text="upstream"), "schema", "does not answer"),
        (httpx.Response(404, json={"code": "PGRST202"}), "schema", "is not installed"),
        (httpx.Response(403, json={"code": "42501"}), "SUPABASE_SECRET_KEY", "may not call"),
        (httpx.Response(200, json=0), "schema", "is version 0, the service needs 1"),
    ],
    ids=["unknown key", "down", "no schema", "no right", "old schema"],
)
async def test_each_refusal_of_the_schema_has_its_own_words(
    settings: Settings, answer: httpx.Response, check: str, words: str
) -> None:
    findings = await check_supabase(settings, hosted({"keys": []}, rpc=answer))
    found = named([each for each in findings if each.check != "SUPABASE_PUBLISHABLE_KEY"], check)
    assert found.level is Level.ERROR
    assert words in found.message


def test_report_shows_every_finding_its_fix_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    findings = [
        ok("JWKS", "ES256"),
        warning("clock", "30 s ahead", "Set it."),
        error("packages", "none", "Insert."),
    ]
    print_findings(findings)
    text = capsys.readouterr().out
    for words in (
        "ok       JWKS: ES256",
        "warning  clock: ",
        "error    packages: ",
        "Set it.",
        "1 error, 1 warning",
    ):
        assert words in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("make", "bad"),
    [
        (lambda: ok("a", "b"), False),
        (lambda: warning("a", "b", "c"), False),
        (lambda: error("a", "b", "c"), True),
    ],
)
def test_only_errors_make_it_fail(make: Callable[[], Finding], bad: bool) -> None:  # noqa: FBT001 - a parameter
    assert has_errors([make()]) is bad
    answer = json.loads(json.dumps(to_json([make()])))
    assert answer["success"] is not bad
    assert answer["checks"][0]["check"] == "a"
