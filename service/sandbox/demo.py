"""`topup demo`: one purchase on real parts, from sign-up to credits, each step shown."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from service.sandbox.buyer import Buyer
from service.sandbox.errors import SandboxError
from service.sandbox.interrupts import interruptible
from service.sandbox.stack import start_stack
from service.sandbox.steps import Step, Steps, install_parts, show_time

EMAIL: Final = "ada@example.com"
if TYPE_CHECKING:
    from service.sandbox.simulator import LocalStripe

PACKAGE: Final = "Medium Package"
CARD: Final = "pm_card_visa"

_CREDIT_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.002


class Outcome(msgspec.Struct):
    """The answer of `topup demo --json`. Credits are JSON numbers, times are in milliseconds."""

    success: bool
    package: str
    credited: Decimal
    balance: Decimal
    currency: str
    webhook_to_credit_ms: float
    """From the moment Stripe began to send the webhook until a read was answered with the credits."""
    steps: list[dict[str, Any]]


def run_demo(*, as_json: bool) -> None:
    """Buy the Medium package once on a stack of its own, and see that balance, ledger and history agree.

    Raises:
        SandboxError: A step failed, or the three do not agree.
    """
    steps = Steps.shown(json=as_json)
    try:
        with interruptible(), ExitStack() as running:
            outcome = _buy_once(steps, running)
            with steps.waiting("Stopping"):
                running.close()
    except SandboxError as error:
        if as_json:
            _print_json({"success": False, "error": str(error), "steps": steps.to_json()})
        raise
    if as_json:
        _print_json(outcome)
    else:
        _show(steps, outcome)


def _buy_once(steps: Steps, running: ExitStack) -> Outcome:
    install_parts(steps)
    with steps.waiting("Starting"):
        starting = start_stack(on_ready=lambda part, seconds: steps.add(Step(part, seconds)))
        stack = running.enter_context(starting)
    buyer = running.enter_context(Buyer(stack))

    with steps.step("Sign up") as step:
        step.detail = f"{EMAIL} at Supabase, with supabase-py"
        buyer.sign_up(EMAIL)
    with steps.step("Packages") as step:
        packages = buyer.read_packages()
        step.detail = ", ".join(f"{each['name']} {each['amount']}" for each in packages)
    package = next(each for each in packages if each["name"] == PACKAGE)
    with steps.step("PaymentIntent") as step:
        intent = buyer.create_payment_intent(package["id"])
        step.detail = f"{intent['paymentIntentId']} for the {PACKAGE}"

    with ThreadPoolExecutor(1) as watcher:
        # The watching begins before the payment, or the first read with the credits would be missed.
        credited = watcher.submit(_wait_for_credits, buyer)
        with steps.step("Payment") as step:
            step.detail = f"{CARD}: {buyer.pay(intent, CARD)}"
        with steps.waiting("Webhook"):
            read_at = credited.result()
    sent_at = _first_sent(stack.simulator, "payment_intent.succeeded")
    steps.add(Step("Webhook", read_at - sent_at, "signed, verified, credited, and seen by a read"))

    with steps.step("Balance") as step:
        balance, currency = buyer.read_balance()
        step.detail = f"{balance} credits"
    with steps.step("History") as step:
        history = buyer.read_history()
        step.detail = ", ".join(f"{each['description']}: {each['status']}" for each in history)
    with steps.step("Ledger") as step:
        ledger = buyer.read_ledger()
        step.detail = ", ".join(f"{each['kind']} {each['amount']:+}" for each in ledger)

    bought = sum((each["creditAmount"] for each in history if each["status"] == "succeeded"), Decimal())
    posted = sum((each["amount"] for each in ledger), Decimal())
    if not package["creditAmount"] == balance == bought == posted == ledger[-1]["balance_after"]:
        raise SandboxError(
            f"The balance ({balance}), the history ({bought}) and the ledger ({posted}) do not agree."
        )
    return Outcome(
        success=True,
        package=PACKAGE,
        credited=posted,
        balance=balance,
        currency=currency,
        webhook_to_credit_ms=round((read_at - sent_at) * 1000, 1),
        steps=steps.to_json(),
    )


def _first_sent(stripe: LocalStripe, event_type: str) -> float:
    """The Unix time when the simulator began to send the event for the first time."""
    stripe.wait_until_idle()
    [delivery] = [each for each in stripe.deliveries() if each["type"] == event_type]
    sent_at: float = delivery["attempts"][0]["at"]
    return sent_at


def _wait_for_credits(buyer: Buyer) -> float:
    """Read until the credits are there; the Unix time when the answer with them arrived."""
    deadline = time.monotonic() + _CREDIT_SECONDS
    while not buyer.has_credits():
        if time.monotonic() > deadline:
            raise SandboxError(f"No credits {_CREDIT_SECONDS:.0f} s after the payment.")
        time.sleep(_PAUSE_SECONDS)
    return time.time()


def _print_json(answer: object) -> None:
    print(msgspec.json.Encoder(decimal_format="number").encode(answer).decode(), flush=True)  # noqa: T201 - the answer


def _show(steps: Steps, outcome: Outcome) -> None:
    if steps.console is None:
        return
    took = show_time(outcome.webhook_to_credit_ms / 1000)
    steps.console.print(
        Text.assemble(
            "\n ",
            (f"{outcome.balance} credits", "bold green"),
            f", readable {took} after Stripe began to send the webhook. Balance, history and ledger agree.",
        ),
        soft_wrap=True,
    )
    steps.console.print(
        Text(
            " Postgres, PostgREST and the service were real, Stripe a simulator. All are stopped again.",
            style="dim",
        ),
        soft_wrap=True,
    )
