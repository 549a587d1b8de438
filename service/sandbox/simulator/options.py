"""How fast the simulator's clockwork runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Seconds throughout.

    Attributes:
        first_retry: The wait after the first failed delivery; it doubles with each further one.
        longest_retry: Where the doubling stops.
        give_up: After how long a delivery is abandoned (Stripe: three days).
        delivery_timeout: How long an endpoint may take to answer.
        settle_after: When a bank debit settles, a pending refund ends, a failing refund fails.
    """

    first_retry: float = 0.2
    longest_retry: float = 5.0
    give_up: float = 3 * 24 * 3600.0
    delivery_timeout: float = 20.0
    settle_after: float = 1.0
