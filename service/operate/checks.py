"""What a check found is kept in the database, where the metrics of the running service show it.

A check that is run by a schedule has nobody to read its exit status, and it is gone before anything could
scrape it. A result that is kept with its time also shows that a check has ceased to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import TopupError
from service.operate.session import describe
from service.terminal import print_error

if TYPE_CHECKING:
    from service.bookkeeping import Bookkeeping


async def keep_checks(books: Bookkeeping, **findings: int) -> None:
    """Keep how much each check found. The check stays done if that fails: it is told on stderr."""
    try:
        for name, count in findings.items():
            await books.save_check(name, count)
    except TopupError as error:
        print_error(f"The metrics do not show what was found. {describe(error)}")
