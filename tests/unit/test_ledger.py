"""PostgREST's failures in the service's words. The answers are PostgREST 12's own, from a stand-in.

An outage cannot be made to strike at so exact a moment; tests/chaos meets them by the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from service.errors import FailedError, TopupError, UnavailableError
from service.ledger import Ledger

if TYPE_CHECKING:
    from service.settings import Settings

NO_CONNECTION = {
    "code": "PGRST001",
    "details": "no connection to the server\n",
    "hint": None,
    "message": "Database client error. Retrying the connection.",
}
SHUT_DOWN = {
    "code": "57P01",
    "details": None,
    "hint": None,
    "message": "terminating connection due to administrator command",
}
CRASHED_BETWEEN_TWO_STATEMENTS = {"code": "", "details": None, "hint": None, "message": ""}
NO_UUID = {
    "code": "22P02",
    "details": None,
    "hint": None,
    "message": 'invalid input syntax for type uuid: "x"',
}
WRONG_KEY = {"message": "Invalid API key", "hint": "Double check your API key."}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, NO_CONNECTION, UnavailableError),
        (500, SHUT_DOWN, UnavailableError),
        (400, CRASHED_BETWEEN_TWO_STATEMENTS, UnavailableError),
        (400, NO_UUID, FailedError),
        (401, WRONG_KEY, FailedError),
    ],
)
async def test_outage_asks_to_come_again_and_a_refused_request_does_not(
    settings: Settings, status: int, body: dict[str, str | None], kind: type[TopupError]
) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, json=body))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(TopupError) as caught:
            await Ledger(settings, http).schema_version()
    assert type(caught.value) is kind
