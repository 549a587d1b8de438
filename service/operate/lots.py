"""What is left of a user's credits, by where they came from, and what is reserved of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from service.operate.money import show_credits
from service.operate.tables import print_table
from service.operate.timeline import show_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from service.operate.explanation import Explanation, Hold, Lot


def print_lots(console: Console, told: Explanation) -> None:
    """The lots that hold something or owe something, in the order in which they are spent."""
    shown = [lot for lot in told.lots if lot.remaining]
    if not shown:
        return
    # What never expires comes last, as in the database.
    never = datetime.max.replace(tzinfo=UTC)
    shown.sort(key=lambda lot: (lot.expiry or never, lot.priority, lot.id))
    opened = {entry.id: entry for entry in told.entries}
    used_up = len(told.lots) - len(shown)
    note = f"  ({used_up} more used up)" if used_up else ""
    console.print(
        Text.assemble(("\nCredits that are left, the first to be spent on top", "bold"), note), soft_wrap=True
    )
    rows = [
        (
            str(lot.id),
            show_credits(opened[lot.id].amount) if lot.id in opened else "",
            show_credits(lot.remaining),
            _expiry(lot),
            str(lot.priority),
            " ".join(opened[lot.id].description.split()) if lot.id in opened else "",
        )
        for lot in shown
    ]
    print_table(
        console, ("LOT", "GIVEN", "LEFT", "EXPIRES (UTC)", "PRIORITY", "FROM"), rows, numbers={0, 1, 2, 4}
    )


def print_holds(console: Console, holds: Sequence[Hold]) -> None:
    """The holds that nobody has captured, released or marked as expired."""
    if not holds:
        return
    console.print(Text("\nHeld", style="bold"))
    rows = [
        (
            show_time(hold.created_at),
            show_credits(hold.amount),
            f"expired {show_time(hold.expires_at)}"
            if _is_over(hold.expires_at)
            else show_time(hold.expires_at),
            " ".join(hold.description.split()),
            str(hold.id),
        )
        for hold in holds
    ]
    print_table(console, ("SINCE (UTC)", "CREDITS", "UNTIL (UTC)", "FOR", "HOLD"), rows, numbers={1})


def _expiry(lot: Lot) -> str:
    if lot.expiry is None:
        return "never"
    return f"expired {show_time(lot.expiry)}" if _is_over(lot.expiry) else show_time(lot.expiry)


def _is_over(moment: datetime) -> bool:
    return moment <= datetime.now(UTC)
