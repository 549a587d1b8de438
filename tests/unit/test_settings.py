import dataclasses
import re

import jwt
import pytest

from service.settings import STRIPE_API_BASE, VARIABLES, InvalidSettingsError, Settings, is_live

ANON_JWT = jwt.encode({"role": "anon"}, "x" * 32)
SERVICE_JWT = jwt.encode({"role": "service_role"}, "x" * 32)


def problems(env: dict[str, str]) -> dict[str, str]:
    with pytest.raises(InvalidSettingsError) as caught:
        Settings.from_env(env)
    return caught.value.problems


def test_a_complete_environment_makes_settings(env: dict[str, str]) -> None:
    settings = Settings.from_env(env)
    assert settings.supabase_url == env["SUPABASE_URL"]
    assert settings.stripe_webhook_secrets == (env["STRIPE_WEBHOOK_SECRET"],)
    assert settings.stripe_api_base == STRIPE_API_BASE
    assert settings.supabase_jwt_secret is None
    assert settings.cors_origins == ()
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8000, "info")
    assert settings.livemode is False


def test_every_field_has_a_variable_and_every_variable_is_documented() -> None:
    assert {v.field for v in VARIABLES} == {f.name for f in dataclasses.fields(Settings)}
    documented = re.findall(r"^    ([A-Z][A-Z_]+)  +\S", Settings.__doc__ or "", re.MULTILINE)
    assert documented == [v.name for v in VARIABLES]
    assert all(v.looks_like for v in VARIABLES)


def test_defaults_of_the_variables_are_those_of_the_fields(env: dict[str, str], settings: Settings) -> None:
    given = {v.field: getattr(settings, v.field) for v in VARIABLES if v.name in env}
    assert Settings(**given) == settings


def test_all_problems_are_reported_at_once() -> None:
    required = {v.name for v in VARIABLES if v.default is None and not v.optional}
    found = problems({"PORT": "http", "TOPUP_LOG_LEVEL": "loud"})
    assert found.keys() == required | {"PORT", "TOPUP_LOG_LEVEL"}
    assert str(InvalidSettingsError(found)).count("\n") == len(found)


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_webhook_secret_is_missing_and_never_means_no_check(env: dict[str, str], blank: str) -> None:
    assert problems({**env, "STRIPE_WEBHOOK_SECRET": blank}).keys() == {"STRIPE_WEBHOOK_SECRET"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUPABASE_URL", "abcdefghijklmnop.supabase.co"),
        ("SUPABASE_URL", "http://abcdefghijklmnop.supabase.co"),
        ("SUPABASE_URL", "https://abc.supabase.co/rest/v1"),
        ("SUPABASE_URL", "https://user@abc.supabase.co"),
        ("SUPABASE_URL", "https://abc.supabase.co:99999"),
        ("SUPABASE_URL", "ftp://127.0.0.1"),
        ("SUPABASE_URL", "http://8.8.8.8"),
        ("SUPABASE_PUBLISHABLE_KEY", "sb_secret_c3VwZXI"),
        ("SUPABASE_PUBLISHABLE_KEY", SERVICE_JWT),
        ("SUPABASE_PUBLISHABLE_KEY", "anything"),
        ("SUPABASE_SECRET_KEY", "sb_publishable_Zm9v"),
        ("SUPABASE_SECRET_KEY", ANON_JWT),
        ("SUPABASE_SECRET_KEY", "a.b.c"),
        ("SUPABASE_SECRET_KEY", "a.W10.c"),
        ("SUPABASE_JWT_SECRET", "too-short"),
        ("STRIPE_SECRET_KEY", "pk_test_51Abc"),
        ("STRIPE_SECRET_KEY", "sk_51Abc"),
        ("STRIPE_SECRET_KEY", "sk_test_51Abc sk_live_51Abc"),
        ("STRIPE_WEBHOOK_SECRET", "0123456789abcdef"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef,"),
        ("STRIPE_WEBHOOK_SECRET", ",whsec_0123456789abcdef"),
        ("STRIPE_API_BASE", "http://stripe.example.com"),
        ("TOPUP_CORS_ORIGINS", "*"),
        ("TOPUP_CORS_ORIGINS", "https://*.example.com"),
        ("TOPUP_CORS_ORIGINS", "https://example.com/"),
        ("TOPUP_CORS_ORIGINS", "https://a.example.com,,https://b.example.com"),
        ("TOPUP_LOG_LEVEL", "trace"),
        ("HOST", "10.0.0.0/8"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "²"),
    ],
)
def test_a_malformed_value_is_refused_and_not_repeated(env: dict[str, str], name: str, value: str) -> None:
    found = problems({**env, name: value})
    assert found.keys() == {name}
    assert len(value) < 8 or value not in found[name]


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("SUPABASE_URL", " http://127.0.0.1:54321/ \n", "supabase_url", "http://127.0.0.1:54321"),
        ("SUPABASE_URL", "http://kong:8000", "supabase_url", "http://kong:8000"),
        ("SUPABASE_URL", "http://[::1]:54321", "supabase_url", "http://[::1]:54321"),
        ("SUPABASE_URL", "https://API.Example.com", "supabase_url", "https://api.example.com"),
        ("SUPABASE_PUBLISHABLE_KEY", ANON_JWT, "supabase_publishable_key", ANON_JWT),
        ("SUPABASE_SECRET_KEY", SERVICE_JWT, "supabase_secret_key", SERVICE_JWT),
        ("SUPABASE_JWT_SECRET", "s" * 32, "supabase_jwt_secret", "s" * 32),
        ("STRIPE_SECRET_KEY", "rk_live_51Abc", "livemode", True),
        (
            "STRIPE_WEBHOOK_SECRET",
            "whsec_0123456789abcdef, whsec_fedcba9876543210",
            "stripe_webhook_secrets",
            ("whsec_0123456789abcdef", "whsec_fedcba9876543210"),
        ),
        (
            "TOPUP_CORS_ORIGINS",
            "https://App.example.com, http://localhost:5173",
            "cors_origins",
            ("https://app.example.com", "http://localhost:5173"),
        ),
        ("TOPUP_LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("HOST", "::", "host", "::"),
        ("PORT", "0", "port", 0),
    ],
)
def test_a_sound_value_is_taken(
    env: dict[str, str], name: str, value: str, field: str, expected: object
) -> None:
    assert getattr(Settings.from_env({**env, name: value}), field) == expected


def test_a_live_key_goes_to_stripe_alone(env: dict[str, str]) -> None:
    live = {**env, "STRIPE_SECRET_KEY": "sk_live_51Abc"}
    assert Settings.from_env({**live, "STRIPE_API_BASE": STRIPE_API_BASE}).livemode is True
    assert problems({**live, "STRIPE_API_BASE": "http://127.0.0.1:12111"}).keys() == {"STRIPE_API_BASE"}


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_1", False)],
)
def test_the_keys_mode_is_the_expected_livemode(key: str, live: bool) -> None:  # noqa: FBT001 - a test's parameter
    assert is_live(key) is live


def test_secrets_are_in_no_repr(env: dict[str, str]) -> None:
    settings = Settings.from_env({**env, "SUPABASE_JWT_SECRET": "j" * 40})
    assert len(settings.secrets) == 4
    assert not [secret for secret in settings.secrets if secret in repr(settings)]
