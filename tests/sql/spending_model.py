"""One account's credits once more, in Python and by other means.

Whole micro-credits instead of decimals, hours on a clock, and nothing put off: what expires goes at its hour.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import inf

Taken = dict[int, int]
"""Micro-credits by the number of their lot."""


class RefusedError(Exception):
    """The model's answer is this SQLSTATE and code."""


@dataclass
class Lot:
    """Credits that came together. `expires` is an hour."""

    number: int
    remaining: int
    expires: float = inf
    priority: int = 50

    @property
    def rank(self) -> tuple[float, int, int]:
        """The order in which lots are spent."""
        return (self.expires, self.priority, self.number)


@dataclass
class Hold:
    """Credits reserved from one hour to another."""

    amount: int
    made: int
    expires: int
    status: str = "open"


@dataclass
class Spend:
    """What was taken of which lots, and what of it came back."""

    taken: Taken
    back: Taken = field(default_factory=lambda: defaultdict(int))

    @property
    def left(self) -> int:
        """What can still be refunded."""
        return sum(self.taken.values()) - sum(self.back.values())


@dataclass
class Bought:
    """A purchase: its lot, its price and the part of it that Stripe took back."""

    lot: Lot
    credits: int
    price: int
    refunded: int = 0
    is_disputed: bool = False
    taken_back: int = 0


@dataclass
class Account:
    """The account of one user."""

    may_overrun: bool
    hour: int = 0
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    @property
    def balance(self) -> int:
        """What the user has, below zero a debt."""
        return sum(lot.remaining for lot in self.lots)

    @property
    def held(self) -> int:
        """What open holds reserve."""
        return sum(hold.amount for hold in self._open_holds())

    @property
    def free(self) -> int:
        """What can be spent, below zero a debt."""
        return self.balance - self.held

    def wait(self, hours: int) -> None:
        """Let time pass, hour by hour."""
        for _ in range(hours):
            self.hour += 1
            for hold in self._open_holds():
                if hold.expires <= self.hour:
                    hold.status = "expired"
            self._lapse()

    def give(self, amount: int, hours: int | None = None, priority: int = 50) -> Lot:
        """Open a lot."""
        lot = Lot(len(self.lots), amount, inf if hours is None else self.hour + hours, priority)
        self.lots.append(lot)
        return lot

    def spend(self, amount: int) -> Spend:
        """Take credits now."""
        self._require(amount, self.free)
        return Spend(self._take(amount, self.hour))

    def hold(self, amount: int, hours: int) -> Hold:
        """Reserve credits."""
        self._require(amount, self.free)
        hold = Hold(amount, self.hour, self.hour + hours)
        self.holds.append(hold)
        return hold

    def capture(self, hold: Hold, amount: int) -> Spend:
        """Take what was used of a hold."""
        if hold.status != "open":
            raise RefusedError(f"PT409 hold_{hold.status}")
        if amount > hold.amount:
            if not self.may_overrun:
                raise RefusedError("PT409 capture_exceeds_hold")
            self._require(amount, self.free + hold.amount)
        hold.status = "captured"
        spend = Spend(self._take(amount, hold.made))
        self._lapse()
        return spend

    def release(self, hold: Hold) -> None:
        """Give back what a hold reserves."""
        if hold.status == "captured":
            raise RefusedError("PT409 hold_captured")
        if hold.status == "open":
            hold.status = "released"
        self._lapse()

    def refund(self, spend: Spend, amount: int) -> None:
        """Give a spend back, in the reverse order of its taking."""
        if amount > spend.left:
            raise RefusedError("PT409 refund_exceeds_spend")
        for number in sorted(spend.taken, key=lambda number: self.lots[number].rank, reverse=True):
            part = min(amount, spend.taken[number] - spend.back[number])
            spend.back[number] += part
            self.lots[number].remaining += part
            amount -= part
        self._lapse()

    def settle(self, bought: Bought) -> None:
        """Take from a purchase's lot, or give back to it, what Stripe's facts say."""
        part = bought.price if bought.is_disputed else bought.refunded
        taken_back = bought.credits * part // bought.price
        bought.lot.remaining += bought.taken_back - taken_back
        bought.taken_back = taken_back

    def _open_holds(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.status == "open"]

    @staticmethod
    def _require(amount: int, free: int) -> None:
        if amount > free:
            raise RefusedError("PT402 insufficient_credits")

    def _take(self, amount: int, since: int) -> Taken:
        taken: Taken = {}
        for lot in sorted(self.lots, key=lambda lot: lot.rank):
            if amount and lot.remaining > 0 and lot.expires > since:
                taken[lot.number] = min(lot.remaining, amount)
                amount -= taken[lot.number]
        if amount:
            newest = self.lots[-1].number
            taken[newest] = taken.get(newest, 0) + amount
        for number, part in taken.items():
            self.lots[number].remaining -= part
        return taken

    def _lapse(self) -> None:
        """Match each lapsed lot with the holds that were made before it did, the newest of them first."""
        unmatched = {id(hold): hold.amount for hold in self._open_holds()}
        for lot in sorted(self.lots, key=lambda lot: lot.rank, reverse=True):
            if lot.expires > self.hour or lot.remaining <= 0:
                continue
            kept = 0
            for hold in sorted(self._open_holds(), key=lambda hold: hold.made, reverse=True):
                if hold.made < lot.expires:
                    part = min(unmatched[id(hold)], lot.remaining - kept)
                    unmatched[id(hold)] -= part
                    kept += part
            lot.remaining = kept
