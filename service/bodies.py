"""A request's body, whole or not at all."""

from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException

from service.errors import InvalidRequestError


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The body, within its route's `request_max_body_size`; `InvalidRequestError` if the client hangs up."""
    try:
        return await request.body()
    except InternalServerException:
        # So Litestar calls a connection that ends first. Nothing is wrong here, and nobody reads the answer.
        raise InvalidRequestError("The request body did not arrive", "client_hung_up") from None
