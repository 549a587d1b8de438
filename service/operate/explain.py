"""`topup explain`: one customer or purchase, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from service.operate.lots import print_holds, print_lots
from service.operate.money import show_amount, show_credits
from service.operate.tables import print_table
from service.operate.timeline import Moment, show_time, tell_purchase, tell_rest
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from service.operate.explanation import Explanation, Purchase

_HEADINGS: Final = ("WHEN (UTC)", "WHAT HAPPENED", "CREDITS", "BALANCE", "SOURCE")


def print_explanation(told: Explanation, *, of_user: bool) -> None:
    """Who it is, then each purchase: what it is now, and how it came to be so.

    `of_user` is whether all that the user has is told, and not one purchase alone.
    """
    console = make_console()
    account = told.account
    erased = "" if account.auth_user_id else "  (erased: forget_user cut the link to the user)"
    held = f", {show_credits(account.held)} of them held" if account.held else ""
    balance = f"{show_credits(account.balance)} credits{held}"
    console.print(
        Text.assemble("User ", (str(account.user_id), "bold"), f"  balance {balance}{erased}"), soft_wrap=True
    )
    if account.is_due:
        console.print("Some of that has expired; `topup expire` posts it.", soft_wrap=True)
    for purchase in told.purchases:
        _print_purchase(console, told, purchase)
    rest = tell_rest(told)
    if rest:
        console.print(Text("\nOther movements", style="bold"))
        _print_moments(console, rest)
    if of_user:
        print_lots(console, told)
        print_holds(console, told.holds)


def _print_purchase(console: Console, told: Explanation, purchase: Purchase) -> None:
    price = show_amount(purchase.amount_minor, purchase.currency)
    head = f"\n{purchase.description}: {show_credits(purchase.credits)} credits for {price}"
    console.print(Text.assemble((head, "bold"), f"  {purchase.status}"), soft_wrap=True)
    for name, value in _facts(told, purchase):
        console.print(Text.assemble((f"  {name:<14}", "dim"), value), soft_wrap=True)
    _print_moments(console, tell_purchase(told, purchase))


def _facts(told: Explanation, purchase: Purchase) -> list[tuple[str, str]]:
    facts = [
        ("purchase", str(purchase.id)),
        ("PaymentIntent", purchase.stripe_payment_intent_id or "none was attached"),
        ("gives", f"{show_credits(purchase.worth)} credits"),
    ]
    facts += [
        ("left of it", f"{show_credits(lot.remaining)} credits")
        for lot in told.lots
        if lot.transaction_id == purchase.id
    ]
    if purchase.failure_code or purchase.failure_message:
        facts.append(("failure", purchase.failure_message or purchase.failure_code or ""))
    for refund in told.refunds:
        if refund.transaction_id == purchase.id:
            amount = show_amount(refund.amount_minor, purchase.currency)
            reason = f" ({refund.failure_reason})" if refund.failure_reason else ""
            facts.append(("refund", f"{amount} {refund.status}{reason}  {refund.id}"))
    for dispute in told.disputes:
        if dispute.transaction_id == purchase.id:
            amount = show_amount(dispute.amount_minor, purchase.currency)
            status = dispute.status.replace("_", " ")
            facts.append(("dispute", f"{amount} {status}, money {dispute.funds}  {dispute.id}"))
    return facts


def _print_moments(console: Console, moments: Sequence[Moment]) -> None:
    console.print()
    rows = [(show_time(m.at), m.what, m.credits, m.balance, m.source) for m in moments]
    print_table(console, _HEADINGS, rows)
