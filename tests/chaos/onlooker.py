"""Reads the books all the while: no moment may show them out of balance."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import DictRow

_PAUSE = 0.1
_AUDIT_EVERY = 10

# One statement, so one snapshot: each account beside the sum and the newest of its entries.
_ACCOUNTS = """
select a.user_id, a.balance, coalesce(sum(e.amount), 0) as entries,
  coalesce((array_agg(e.balance_after order by e.id desc))[1], 0) as newest
from credits.accounts as a
left join credits.ledger_entries as e on e.user_id = a.user_id
group by a.user_id
"""


class Onlooker(threading.Thread):
    """Looks at every account again and again, and now and then has the whole database audited.

    Attributes:
        looks: How many snapshots it has seen.
        accounts: How many accounts in all of them together.
        audits: How many audits.
        moved: How many accounts had another balance than at the last look.
        wrong: What did not add up, at any moment. An event that failed is no such thing until it stays so.
    """

    def __init__(self, database_url: str) -> None:
        super().__init__(name="onlooker", daemon=True)
        self._url = database_url
        self._over = threading.Event()
        self._balances: dict[object, object] = {}
        self.looks = self.accounts = self.audits = self.moved = 0
        self.wrong: list[DictRow] = []
        self.error: Exception | None = None

    @classmethod
    @contextmanager
    def looking(cls, database_url: str) -> Iterator[Self]:
        """Look for the length of a `with` block."""
        onlooker = cls(database_url)
        onlooker.start()
        try:
            yield onlooker
        finally:
            onlooker._over.set()
            onlooker.join()
        if onlooker.error is not None:
            raise onlooker.error

    def run(self) -> None:
        """Look until the block ends, on a new connection wherever Postgres was killed."""
        while not self._over.is_set():
            try:
                with psycopg.connect(self._url, row_factory=dict_row, autocommit=True) as connection:
                    while not self._over.wait(_PAUSE):
                        self._look(connection)
            except psycopg.OperationalError:
                self._over.wait(_PAUSE)
            except Exception as error:  # noqa: BLE001 - raised where the block ends
                self.error = error
                return

    def _look(self, connection: psycopg.Connection[DictRow]) -> None:
        rows = connection.execute(_ACCOUNTS).fetchall()
        balances = {row["user_id"]: row["balance"] for row in rows}
        self.wrong += [row for row in rows if not row["balance"] == row["entries"] == row["newest"]]
        self.moved += sum(self._balances.get(user, balance) != balance for user, balance in balances.items())
        self._balances = balances
        self.looks += 1
        self.accounts += len(rows)
        if self.looks % _AUDIT_EVERY == 0:
            findings = connection.execute("select * from public.audit_credits()").fetchall()
            self.wrong += [finding for finding in findings if finding["finding"] != "event_failed"]
            self.audits += 1
