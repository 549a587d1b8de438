"""Stripe.js where a page looks for it, `/endive/stripe.js`, and the files that it loads in turn."""

from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.sandbox.simulator.events.record import API_VERSION

FILES: Final = Path(__file__).with_name("files")
STRIPE_JS_PATH: Final = f"/{API_VERSION.partition('.')[2]}/stripe.js"
"""Stripe serves one Stripe.js for each line of API versions, by the line's name."""

_TYPES: Final = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
_PARTS: Final = {path.name for path in FILES.iterdir() if path.name not in {"stripe.js", "challenge.html"}}


@get(STRIPE_JS_PATH)
async def get_stripe_js() -> Response[bytes]:
    """The script that a page loads."""
    return _file("stripe.js")


@get("/stripe-js/{name:str}")
async def get_part(name: FromPath[str]) -> Response[bytes]:
    """What stands in Stripe.js's frames."""
    if name not in _PARTS:
        raise NotFoundException
    return _file(name)


def _file(name: str) -> Response[bytes]:
    path = FILES / name
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=headers)
