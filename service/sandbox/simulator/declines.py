"""The refusals that test cards and test bank accounts produce (docs: Decline codes)."""

from __future__ import annotations

from service.sandbox.simulator.cards import Decline

_DECLINED = "Your card was declined."

GENERIC = Decline("card_declined", "generic_decline", _DECLINED)
INSUFFICIENT_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST_CARD = Decline("card_declined", "lost_card", _DECLINED)
STOLEN_CARD = Decline("card_declined", "stolen_card", _DECLINED)
VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
FRAUDULENT = Decline("card_declined", "fraudulent", _DECLINED, blocked=True)
EXPIRED = Decline("expired_card", None, "Your card has expired.", "exp_month")
INCORRECT_CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.", "cvc")
PROCESSING_ERROR = Decline(
    "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid "
    "test cards, visit: https://stripe.com/docs/testing.",
)
