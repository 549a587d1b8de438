"""Logs: one JSON object a line on standard output, with the request's id, and never a secret."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.settings import Settings

_SECRET_SHAPES: Final = re.compile(
    r"\b(?:[sr]k_(?:test|live)_|whsec_|sb_secret_)[\w+/=-]+"  # keys of Stripe and Supabase
    r"|\beyJ[\w-]{10,}(?:\.[\w-]*)*"  # JSON web tokens, and what is left of one that was cut off
    r"|\b[a-z]+_\w+_secret_\w+"  # client secrets of PaymentIntents and the like
    r"|(?<=Bearer )[^\s\"\\]+",
    re.ASCII,
)

_MARKS: Final = ("k_test_", "k_live_", "whsec_", "_secret_", "eyJ", "Bearer ")
"""What none of these shapes is without. Nearly no line has one, and looking for them is far quicker."""

_TELLTALES: Final = ("httpx", "httpcore", "hpack", "h2", "stripe", "asyncio")
"""Loggers that write headers, bodies or client secrets at debug level; they are never heard below warning."""


class Redactor:
    """Takes secrets out of a rendered line: the configured ones, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # In a line of JSON a secret stands as JSON escapes it.
        written = [msgspec.json.encode(secret).decode()[1:-1] for secret in secrets]
        self._known = sorted(written, key=len, reverse=True)

    def __call__(self, line: str) -> str:
        """The line with `[redacted]` in place of each secret."""
        for secret in self._known:
            line = line.replace(secret, "[redacted]")
        if any(mark in line for mark in _MARKS):
            line = _SECRET_SHAPES.sub("[redacted]", line)
        return line


def configure_logs(settings: Settings) -> None:
    """Set up structlog and the standard library's root logger alike. A later call replaces an earlier one."""
    redact = Redactor(settings.secrets)

    def render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        head = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
        return redact(msgspec.json.encode({**head, **event}, enc_hook=repr).decode())

    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Frames' local variables are left out on purpose: they hold tokens.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # In one piece, unlike print: another thread may write a line of its own at the same moment.
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _RootHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _RootHandler)), handler]
    root.setLevel(level)
    for name in _TELLTALES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _RootHandler(logging.Handler):
    """Writes a library's line to what is standard output at that moment, as structlog's own logger does."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(f"{self.format(record)}\n")
            sys.stdout.flush()
        except Exception:  # noqa: BLE001 - as every handler of the standard library: a log line breaks nothing
            self.handleError(record)
