"""`topup explain` tells what became of credits that were used, held, given back or left to expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.accounting.conftest import Customer, Topup


def moments(printed: str) -> list[str]:
    """What happened, in order, with the credits and the source."""
    after = printed.split("Other movements\n\n", 1)[1].split("\n\n", 1)[0]
    return [" ".join(line[19:].split()) for line in after.splitlines()[1:]]


def test_every_movement_is_told_in_plain_words(topup: Topup, customer: Customer) -> None:
    given = customer.grant("10", "Welcome")
    used = customer.spend("2", "Summary")
    customer.books.rows("select * from public.refund_spend(%s, %s, 1, 'r', 'Our mistake')", customer.id, used)
    hold = customer.hold("3", "Long answer")
    customer.books.rows("select * from public.capture_hold(%s, 0.5)", hold)
    customer.let_grants_lapse()
    due = topup("explain", str(customer.id)).stdout
    assert "balance 8.50 credits" in due.splitlines()[0]
    assert due.splitlines()[1] == "Some of that has expired; `topup expire` posts it."
    topup("expire")
    told = topup("explain", str(customer.id)).stdout
    assert "has expired" not in told
    lot = f"lot {given}"
    assert moments(told) == [
        f"given: Welcome +10.00 10.00 entry {given}",
        f"used: Summary −2.00 8.00 entry {used}, from {lot}",  # noqa: RUF001 - a true minus
        f"given back of entry {used}: Our mistake +1.00 9.00 entry {used + 1}, to {lot}",
        f"used, of a hold: Long answer −0.50 8.50 entry {used + 2}, from {lot}",  # noqa: RUF001
        f"expired: Welcome −8.50 0.00 entry {used + 3}, from {lot}",  # noqa: RUF001
    ]
    assert "Credits that are left" not in told


def test_what_is_left_is_shown_in_the_order_in_which_it_is_spent(topup: Topup, customer: Customer) -> None:
    customer.grant("1", "Kept", priority=0)
    customer.grant("5", "Later", expires_at="2099-02-01T00:00:00Z")
    customer.grant("7", "Sooner", expires_at="2099-01-01T00:00:00Z")
    intent = customer.buy(1500, "usd", 15)
    customer.spend("8.5")
    told = topup("explain", str(customer.id)).stdout
    table = told.split("on top", 1)[1].split("\n\n", 1)[0].splitlines()
    assert table[0] == "  (1 more used up)"
    assert [line.split(maxsplit=1)[1].split(maxsplit=2) for line in table[2:]] == [
        ["5.00", "3.50", "2099-02-01 00:00:00        50  Later"],
        ["1.00", "1.00", "never                       0  Kept"],
        ["15.00", "15.00", "never                      50  Test Package purchase"],
    ]
    assert "left of it    15.00 credits" in told
    # A purchase alone has no table of its own.
    assert "on top" not in topup("explain", intent).stdout


def test_open_holds_are_shown_until_they_end(topup: Topup, customer: Customer) -> None:
    customer.grant("10")
    hold = customer.hold("3", "Long answer")
    told = topup("explain", str(customer.id)).stdout
    assert told.splitlines()[0].endswith("balance 10.00 credits, 3.00 of them held")
    line = told.splitlines()[-1]
    assert line.endswith(f"Long answer  {hold}")
    assert " 3.00 " in line
    customer.books.execute(
        "update credits.holds set created_at = created_at - interval '1 day',"
        " expires_at = now() - interval '1 second' where id = %s",
        hold,
    )
    assert "  expired 2" in topup("explain", str(customer.id)).stdout.splitlines()[-1]
    customer.books.rows("select * from public.release_hold(%s)", hold)
    assert "Held" not in topup("explain", str(customer.id)).stdout
