"""Stretches of time as an accountant names them. Everything is in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Period(NamedTuple):
    """From `since` on to before `until`."""

    since: datetime
    until: datetime


def parse_month(text: str) -> Period:
    """The month that "2026-11" stands for; `ValueError` for anything else."""
    wrong = ValueError(f"{text!r} is not a month: write 2026-11")
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text, re.ASCII):
        raise wrong
    try:
        since = datetime.fromisoformat(f"{text}-01").replace(tzinfo=UTC)
        return Period(since, (since + timedelta(days=31)).replace(day=1))
    except (ValueError, OverflowError):
        raise wrong from None


def parse_moment(text: str) -> datetime:
    """The beginning of a day, or a moment, which is in UTC unless it says otherwise; or `ValueError`."""
    wrong = ValueError(
        f"{text!r} is not a time: write 2026-11-26, 2026-11-26T18:30 or 2026-11-26T18:30+02:00"
    )
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise wrong
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None


def show_period(period: Period, now: datetime) -> str:
    """A period in words, to the second."""
    running = "; it is not over yet" if period.until > now else ""
    return f"from {_show(period.since)} to before {_show(period.until)} (UTC{running})"


def _show(moment: datetime) -> str:
    shown = moment.strftime("%Y-%m-%d %H:%M:%S")
    return shown.removesuffix(" 00:00:00")
