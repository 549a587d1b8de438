import io
import json
import logging
import string
import sys
from collections.abc import Callable, Iterator

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from service.logs import Redactor, configure_logs
from service.settings import Settings

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-bmF0_dXJl"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Leave the loggers as they were found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def debug(env: dict[str, str]) -> Settings:
    settings = Settings.from_env(
        {**env, "TOPUP_LOG_LEVEL": "debug", "SUPABASE_JWT_SECRET": 'quote"and\\backslash-' + "x" * 32}
    )
    configure_logs(settings)
    return settings


@pytest.mark.parametrize("get_logger", [structlog.get_logger, logging.getLogger])
def test_a_line_is_json_with_time_level_and_event(
    settings: Settings, capsys: pytest.CaptureFixture[str], get_logger: Callable[[str], logging.Logger]
) -> None:
    configure_logs(settings)
    get_logger("anything").error("hello")
    line = json.loads(capsys.readouterr().out)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert (line["level"], line["event"]) == ("error", "hello")


@pytest.mark.parametrize("get_logger", [structlog.get_logger, logging.getLogger])
def test_a_line_is_written_in_one_piece(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, get_logger: Callable[[str], logging.Logger]
) -> None:
    """Or it could run into the line of another thread."""
    pieces: list[str] = []
    out = io.StringIO()
    monkeypatch.setattr(out, "write", pieces.append, raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    configure_logs(settings)
    get_logger("anything").error("hello")
    [piece] = pieces
    assert piece.endswith("\n")
    assert json.loads(piece)["event"] == "hello"


def test_the_level_holds_for_both_kinds_of_loggers(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings)
    structlog.get_logger().debug("no")
    logging.getLogger("anything").debug("no")
    assert capsys.readouterr().out == ""


def test_configuring_twice_writes_each_line_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings)
    configure_logs(settings)
    logging.getLogger("anything").error("once")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_libraries_that_log_headers_and_bodies_are_silent_even_at_debug(
    debug: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("httpx", "httpcore.http11", "httpcore.connection", "stripe", "hpack.hpack", "asyncio"):
        logging.getLogger(name).debug("authorization: %s", debug.stripe_secret_key)
        logging.getLogger(name).info("body: %s", "pi_1_secret_abc")
    assert capsys.readouterr().out == ""


def test_secrets_stand_in_no_line_not_even_in_a_traceback(
    debug: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for secret in (
        *debug.secrets,
        JWT,
        "pi_3ABC_secret_XyZ",
        "rk_live_abc",
        "whsec_other",
        "sb_secret_other",
    ):
        try:
            raise RuntimeError(f"with {secret} in it")  # noqa: TRY301 - it is about the traceback
        except RuntimeError:
            structlog.get_logger().exception("failed", header=f"Bearer {secret}", nested={"key": [secret]})
            logging.getLogger("uvicorn.error").exception("failed for %s", secret)
        written = capsys.readouterr().out
        assert len(written.splitlines()) == 2
        assert "RuntimeError: with [redacted]" in written
        assert secret not in written
        assert secret not in [json.loads(line)["event"] for line in written.splitlines()]


def test_what_is_no_secret_stays(capsys: pytest.CaptureFixture[str], debug: Settings) -> None:
    harmless = "pi_3ABC evt_1 pk_test_abc sb_publishable_x topup-5ca1ab1e secret skating user_secrets"
    structlog.get_logger().info(harmless, version=debug.log_level)
    assert json.loads(capsys.readouterr().out)["event"] == harmless


@given(before=st.text(max_size=20), after=st.text(max_size=20), secret=st.text(string.printable, max_size=40))
def test_a_configured_secret_is_redacted_wherever_it_stands(before: str, after: str, secret: str) -> None:
    secret = f"xyzzy-{secret}"
    line = msgspec.json.encode({"event": before + secret + after}).decode()
    assert secret not in json.loads(Redactor([secret])(line))["event"].replace("[redacted]", "\0")
