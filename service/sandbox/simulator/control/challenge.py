"""The page of the customer's bank during 3-D Secure, with its two ways out."""

import html
from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from service.sandbox.simulator.payment_intents.authentication import finish_authentication
from service.sandbox.simulator.simulator import Simulator

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>3-D Secure</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1rem }}
  button {{ font: inherit; padding: .6rem 1.2rem; margin-right: .5rem; cursor: pointer }}
</style>
<h1>3-D Secure</h1>
<p>{text}</p>
{form}
</html>
"""
_FORM = """<form method="post">
  <button name="outcome" value="succeed" autofocus>Complete</button>
  <button name="outcome" value="fail">Fail</button>
</form>"""


@get("/3ds/{key:str}", media_type=MediaType.HTML)
async def show_challenge(simulator: NamedDependency[Simulator], key: FromPath[str]) -> str:
    """Ask the customer; what was decided before is only told."""
    _, intent = simulator.locate("payment_intent", "payment_intents", key)
    if intent["status"] != "requires_action":
        return _page(f"Nothing is left to authenticate: the payment's status is {intent['status']}.")
    return _page(f"Your bank asks: do you want to pay {intent['amount']} {intent['currency']}?", _FORM)


@post("/3ds/{key:str}", status_code=200)
async def answer_challenge(
    simulator: NamedDependency[Simulator],
    request: Request[Any, Any, Any],
    key: FromPath[str],
    data: URLEncodedBody[dict[str, str]],
) -> Response[str] | Redirect:
    """Take the customer's decision and send them back to the shop."""
    base_url = f"{request.url.scheme}://{request.url.netloc}"
    context, intent = simulator.locate("payment_intent", "payment_intents", key, base_url)
    url = finish_authentication(context, intent, passed=data.get("outcome") == "succeed")
    if url is not None:
        return Redirect(url, status_code=303)
    return Response(_page("Done. You can close this page."), media_type=MediaType.HTML)


def _page(text: str, form: str = "") -> str:
    return _PAGE.format(text=html.escape(text), form=form)


CHALLENGE_HANDLERS = (show_challenge, answer_challenge)
