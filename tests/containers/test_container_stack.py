import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from service.sandbox.buyer import Buyer
from service.sandbox.processes import answers
from service.sandbox.stack import Stack, start_stack
from tests.containers.supabase import start_containers

PATIENCE = 60.0


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start_stack(supabase=start_containers()) as running:
        yield running


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def buy(stack: Stack, email: str) -> Decimal:
    """The balance of a new user who buys the first package."""
    with Buyer(stack) as buyer:
        buyer.sign_up(email)
        intent = buyer.create_payment_intent(buyer.read_packages()[0]["id"])
        assert buyer.pay(intent, "pm_card_visa") == "succeeded"
        wait_until(buyer.has_credits)
        return buyer.read_balance()[0]


def is_ready(stack: Stack) -> bool:
    return answers(f"{stack.service_url}/health/ready")


def test_a_purchase_is_credited_on_containers(stack: Stack) -> None:
    assert buy(stack, "first@example.com") == Decimal(5)


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("part", ["postgres", "postgrest"])
def test_the_service_works_again_when_a_part_is_back(stack: Stack, end: str, part: str) -> None:
    getattr(stack.supabase, f"{end}_{part}")()
    try:
        wait_until(lambda: not is_ready(stack))
    finally:
        getattr(stack.supabase, f"start_{part}")()
    wait_until(lambda: is_ready(stack))
    assert buy(stack, f"{end}.{part}@example.com") == Decimal(5)
