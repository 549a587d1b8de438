"""This machine's clock against the Date header of an answer."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from service.doctor.findings import error, ok, warning
from service.signature import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.doctor.findings import Finding

_NOTICEABLE: Final = 10.0
_HARMFUL: Final = TOLERANCE / 2

_FIX: Final = "Set this machine's clock by NTP."


def check_clock(name: str, headers: Mapping[str, str], sent: float, received: float) -> Finding | None:
    """Judge the difference; None if the answer has no Date.

    `sent` and `received` are Unix times around the request. The header counts whole seconds, and the server
    wrote it at some time between, so a difference below a second is none.
    """
    try:
        theirs = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
    earliest, latest = sent - theirs - 1, received - theirs
    ahead = max(earliest, 0.0) or min(latest, 0.0)
    check = f"clock, {name}"
    if abs(ahead) <= _NOTICEABLE:
        return ok(check, "agrees with this machine's")
    way = "ahead" if ahead > 0 else "behind"
    message = f"this machine's is {abs(ahead):.0f} s {way}"
    if abs(ahead) <= _HARMFUL:
        return warning(check, message, _FIX)
    return error(check, f"{message}: tokens and webhook signatures are refused", _FIX)
