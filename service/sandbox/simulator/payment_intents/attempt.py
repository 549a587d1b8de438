"""One attempt to pay: whether the customer must authenticate first, whether a debit takes time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.sandbox.simulator import declines
from service.sandbox.simulator.cards import Card
from service.sandbox.simulator.charges.charge import new_charge, set_paid
from service.sandbox.simulator.disputes.opening import open_dispute
from service.sandbox.simulator.errors import invalid_request, not_simulated
from service.sandbox.simulator.ids import new_id
from service.sandbox.simulator.payment_intents.outcomes import authorize, decline, decline_pending, finish

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.payment_methods.bank_table import BankAccount
    from service.sandbox.simulator.payment_methods.instruments import Instrument


@dataclass(frozen=True)
class Attempt:
    """How the caller wants it.

    Attributes:
        return_url: Where the customer goes after a challenge.
        uses_sdk: Stripe.js shows the challenge, so no redirect is needed.
        off_session: The customer is not there to authenticate.
        no_action: Fail rather than ask for authentication.
        has_mandate: The customer agreed to be debited.
        authenticated: The customer has passed a challenge already.
    """

    return_url: str | None = None
    uses_sdk: bool = False
    off_session: bool = False
    no_action: bool = False
    has_mandate: bool = False
    authenticated: bool = False


def attempt_payment(context: Context, intent: Object, method: Object, attempt: Attempt) -> None:
    """Try to pay with this payment method; the PaymentIntent holds the outcome.

    Raises:
        StripeError: 402 if it was declined at once.
    """
    instrument = context.account.instruments[method["id"]]
    intent["payment_method"] = method["id"]
    if isinstance(instrument.source, Card):
        _attempt_card(context, intent, method, instrument, instrument.source, attempt)
    else:
        _attempt_debit(context, intent, method, instrument, instrument.source, attempt)


def pay_with_card(context: Context, intent: Object, method: Object, *, authenticated: bool) -> None:
    """Ask the card's bank.

    Raises:
        StripeError: 402 if it says no.
    """
    card = context.account.instruments[method["id"]].source
    if isinstance(card, Card) and card.decline is not None:
        raise decline(context, intent, method, card.decline)
    authorize(context, intent, method, authenticated=authenticated)


def _attempt_card(  # noqa: PLR0913, PLR0917 - the parts of one attempt
    context: Context, intent: Object, method: Object, instrument: Instrument, card: Card, attempt: Attempt
) -> None:
    requested = intent["payment_method_options"]["card"]["request_three_d_secure"]
    if attempt.authenticated or not _must_authenticate(card, instrument, attempt, requested):
        pay_with_card(context, intent, method, authenticated=attempt.authenticated)
    elif attempt.off_session or attempt.no_action:
        raise decline(context, intent, method, declines.AUTHENTICATION_REQUIRED)
    else:
        intent |= {
            "last_payment_error": None,
            "next_action": _next_action(context, intent, attempt),
            "status": "requires_action",
        }
        context.account.return_urls[intent["id"]] = attempt.return_url
        context.emit("payment_intent.requires_action", intent)


def _must_authenticate(card: Card, instrument: Instrument, attempt: Attempt, requested: str) -> bool:
    if card.three_d_secure == "required_unless_set_up":
        return not (attempt.off_session and instrument.set_up)
    if card.three_d_secure == "required_but_set_up":
        return not attempt.off_session
    if card.three_d_secure == "optional":
        return requested in {"any", "challenge"}
    return card.three_d_secure == "required"


def _next_action(context: Context, intent: Object, attempt: Attempt) -> Object:
    url = f"{context.base_url}/_simulator/3ds/{intent['id']}"
    if attempt.return_url is not None and not attempt.uses_sdk:
        return {
            "redirect_to_url": {"return_url": attempt.return_url, "url": url},
            "type": "redirect_to_url",
        }
    sdk: dict[str, Any] = {
        "source": new_id("payatt"),
        "stripe_js": f"{url}?in_page=true",
        "type": "three_d_secure_redirect",
    }
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def _attempt_debit(  # noqa: PLR0913, PLR0917 - the parts of one attempt
    context: Context,
    intent: Object,
    method: Object,
    instrument: Instrument,
    bank: BankAccount,
    attempt: Attempt,
) -> None:
    if intent["capture_method"] == "manual":
        raise not_simulated("manual capture of a bank debit, and no bank has it", "capture_method")
    if instrument.mandate is None and not attempt.has_mandate:
        raise invalid_request(
            "This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate "
            "acceptance from the customer and try again, providing acceptance data in the mandate_data "
            "parameter."
        )
    instrument.mandate = instrument.mandate or new_id("mandate")
    charge = new_charge(intent, method, instrument, status="pending", captured=True)
    context.account.charges.add(charge["id"], charge)
    intent |= {
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "status": "processing",
    }
    if method["customer"] is None:
        instrument.spent = True
    context.emit("charge.pending", charge)
    context.emit("payment_intent.processing", intent)
    if bank.ends:
        context.plan(lambda later: _settle(later, intent, method, bank, charge))


def _settle(context: Context, intent: Object, method: Object, bank: BankAccount, charge: Object) -> None:
    if intent["status"] != "processing":  # canceled meanwhile
        return
    if bank.decline is not None:
        decline_pending(context, intent, method, bank.decline, charge)
        return
    set_paid(charge)
    context.emit("charge.succeeded", charge)
    finish(context, intent, charge, intent["amount"])
    if bank.disputed:
        open_dispute(context, charge, reason="bank_cannot_process", inquiry=False)
