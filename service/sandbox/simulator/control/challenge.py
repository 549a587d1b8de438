"""The page of the customer's bank during 3-D Secure, with its two ways out."""

import html
from string import Template
from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect

from service.sandbox.simulator.money import show_amount
from service.sandbox.simulator.payment_intents.authentication import finish_authentication
from service.sandbox.simulator.simulator import Simulator
from service.sandbox.simulator.stripe_js.routes import FILES

_FORM = """<form method="post">
        <button name="outcome" value="succeed">Complete authentication</button>
        <button name="outcome" value="fail" class="second">Fail authentication</button>
      </form>"""


@get("/3ds/{key:str}", media_type=MediaType.HTML)
async def show_challenge(simulator: NamedDependency[Simulator], key: FromPath[str]) -> str:
    """Ask the customer; what was decided before is only told."""
    _, intent = simulator.locate("payment_intent", "payment_intents", key)
    if intent["status"] != "requires_action":
        return _page(f"Nothing is left to authenticate: the payment's status is {intent['status']}.")
    amount = show_amount(intent["amount"], intent["currency"])
    return _page(f"A shop asks for {amount}. Is it you who pays?", _FORM)


@post("/3ds/{key:str}", status_code=200)
async def answer_challenge(
    simulator: NamedDependency[Simulator],
    request: Request[Any, Any, Any],
    key: FromPath[str],
    data: URLEncodedBody[dict[str, str]],
    *,
    in_page: FromQuery[bool] = False,
) -> Response[str] | Redirect:
    """Take the customer's decision, and send them back to the shop unless its page has waited around this."""
    base_url = f"{request.url.scheme}://{request.url.netloc}"
    context, intent = simulator.locate("payment_intent", "payment_intents", key, base_url)
    url = finish_authentication(context, intent, passed=data.get("outcome") == "succeed")
    if url is not None and not in_page:
        return Redirect(url, status_code=303)
    return Response(_page("Done. You can close this page."), media_type=MediaType.HTML)


def _page(text: str, form: str = "") -> str:
    page = Template((FILES / "challenge.html").read_text())
    return page.substitute(text=html.escape(text), form=form)


CHALLENGE_HANDLERS = (show_challenge, answer_challenge)
