"""`/_simulator`: watching webhooks, sending them again, making them go wrong."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from service.sandbox.simulator.delivery.chaos import Knobs
from service.sandbox.simulator.delivery.delivery import State
from service.sandbox.simulator.faults import Fault
from service.sandbox.simulator.objects import Object
from service.sandbox.simulator.simulator import Simulator

_LONGEST_WAIT = 300.0


@get("/deliveries")
async def list_deliveries(
    simulator: NamedDependency[Simulator],
    event: FromQuery[str | None] = None,
    endpoint: FromQuery[str | None] = None,
    reached: Annotated[State | None, QueryParameter(name="state")] = None,
) -> Object:
    """All deliveries with their attempts, oldest first; filtered by an event, an endpoint, a state."""
    wanted = [
        delivery.render()
        for delivery in simulator.dispatcher.deliveries
        if event in {None, delivery.event.id}
        and endpoint in {None, delivery.endpoint_id}
        and reached in {None, delivery.state}
    ]
    return {"object": "list", "data": wanted}


@get("/idle")
async def wait_until_idle(simulator: NamedDependency[Simulator], timeout: FromQuery[float] = 30.0) -> Object:  # noqa: ASYNC109 - a query parameter
    """Answers once nothing is left to happen (`idle` true), or after `timeout` seconds (`idle` false)."""
    idle = await simulator.activity.wait_until_quiet(min(timeout, _LONGEST_WAIT))
    return {"idle": idle, "pending": simulator.activity.pending}


@post("/deliveries/pause", status_code=200)
async def pause_deliveries(simulator: NamedDependency[Simulator]) -> Object:
    """Begin no further attempt; events pile up."""
    simulator.dispatcher.pause()
    return {"paused": True}


@post("/deliveries/resume", status_code=200)
async def resume_deliveries(simulator: NamedDependency[Simulator]) -> Object:
    """Go on."""
    simulator.dispatcher.resume()
    return {"paused": False}


@post("/events/{key:str}/redeliver", status_code=200)
async def redeliver_event(simulator: NamedDependency[Simulator], key: FromPath[str]) -> Object:
    """Send an event once more to all endpoints that want its type, as Stripe's dashboard can."""
    account, event = simulator.locate_event(key)
    again = simulator.dispatcher.redeliver(account, event)
    return {"object": "list", "data": [delivery.render() for delivery in again]}


@get("/chaos")
async def read_chaos(simulator: NamedDependency[Simulator]) -> Knobs:
    """The knobs as they are."""
    return simulator.dispatcher.chaos.knobs


@post("/chaos", status_code=200)
async def set_chaos(simulator: NamedDependency[Simulator], data: JSONBody[Knobs]) -> Knobs:
    """Set the knobs; those left out are zero, so `{}` ends the chaos."""
    simulator.dispatcher.set_chaos(data)
    return data


@get("/faults")
async def list_faults(simulator: NamedDependency[Simulator]) -> list[Fault]:
    """The failures of the API that are still to come."""
    return simulator.faults.waiting


@post("/faults", status_code=200)
async def add_fault(simulator: NamedDependency[Simulator], data: JSONBody[Fault]) -> Fault:
    """Let the next matching requests fail."""
    simulator.faults.add(data)
    return data


@delete("/faults", status_code=200)
async def clear_faults(simulator: NamedDependency[Simulator]) -> Object:
    """Let no more requests fail."""
    simulator.faults.clear()
    return {"cleared": True}


class RollSecret(msgspec.Struct, forbid_unknown_fields=True):
    """How many seconds the old secret goes on signing (Stripe: up to a day)."""

    expires_in: float = 0.0


@post("/webhook_endpoints/{key:str}/roll_secret", status_code=200)
async def roll_secret(
    simulator: NamedDependency[Simulator], key: FromPath[str], data: JSONBody[RollSecret]
) -> Object:
    """Make a new signing secret, as Stripe's dashboard can."""
    context, endpoint = simulator.locate("webhook endpoint", "webhook_endpoints", key)
    return {"secret": context.account.signing_secrets[endpoint["id"]].roll(data.expires_in)}


DELIVERY_HANDLERS = (
    list_deliveries,
    wait_until_idle,
    pause_deliveries,
    resume_deliveries,
    redeliver_event,
    read_chaos,
    set_chaos,
    list_faults,
    add_fault,
    clear_faults,
    roll_secret,
)
