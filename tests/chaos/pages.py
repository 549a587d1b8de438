"""Users who look at their balance all the while, as a page does, through PostgREST with their own token."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from tests.chaos.persistent import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from service.sandbox.stack import Stack
    from tests.integration.service.shop import User

_PAUSE = 0.05

_CUT_OFF = '{"code":"","details":null,"hint":null,"message":""}'
"""With 400: PostgREST's connection broke in the middle of the statement."""


class Pages:
    """Asks for one user's balance after the other's.

    Attributes:
        seen: The balances of each user in the order in which they were seen.
        unanswered: How often there was no answer, as something was down.
    """

    def __init__(self, stack: Stack, users: Sequence[User]) -> None:
        self._stack = stack
        self._users = users
        self.seen: defaultdict[UUID, list[Decimal]] = defaultdict(list)
        self.unanswered = 0

    async def look(self) -> None:
        """Look until canceled."""
        url = f"{self._stack.supabase.url}/rest/v1/credit_balance?select=balance"
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            while True:
                for user in self._users:
                    headers = {"apikey": self._stack.supabase.publishable_key, **user.headers}
                    try:
                        answer = await http.get(url, headers=headers)
                    except httpx.TransportError:
                        self.unanswered += 1
                    else:
                        self._note(user, answer)
                    await asyncio.sleep(_PAUSE)

    def _note(self, user: User, answer: httpx.Response) -> None:
        if answer.is_server_error or answer.text == _CUT_OFF:
            self.unanswered += 1
            return
        assert answer.status_code == 200, answer.text
        [row] = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)
        self.seen[user.id].append(row["balance"])


def walks_along(seen: Iterable[Decimal], balances: Sequence[Decimal]) -> bool:
    """Whether every balance seen was once the balance, and none was seen after a later one."""
    position = 0
    for balance in seen:
        while position < len(balances) and balances[position] != balance:
            position += 1
        if position == len(balances):
            return False
    return True
