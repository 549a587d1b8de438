"""What `topup bench` publishes: named figures, some of them with a goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Goal:
    """A bound that a figure is to keep."""

    kind: Literal["at least", "at most"]
    bound: float

    def is_met(self, value: float) -> bool:
        """Whether the value keeps it."""
        return value >= self.bound if self.kind == "at least" else value <= self.bound

    def __str__(self) -> str:
        """In words."""
        return f"{self.kind} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """One measured value; a ratio's unit is `times`."""

    name: str
    value: float
    unit: str
    goal: Goal | None = None

    def to_json(self) -> dict[str, Any]:
        """{name, value, unit, goal, met}; the last two are null where no goal is set."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "goal": None if self.goal is None else str(self.goal),
            "met": None if self.goal is None else self.goal.is_met(self.value),
        }


def at_least(bound: float) -> Goal:
    """A goal that larger values meet."""
    return Goal("at least", bound)


def at_most(bound: float) -> Goal:
    """A goal that smaller values meet."""
    return Goal("at most", bound)


def milliseconds(name: str, seconds: float) -> Figure:
    """A duration."""
    return Figure(name, seconds * 1000, "ms")


def per_second(name: str, rate: float) -> Figure:
    """A rate."""
    return Figure(name, rate, "/s")


def ratio(name: str, value: float, goal: Goal) -> Figure:
    """How many times the second is in the first."""
    return Figure(name, value, "times", goal)
