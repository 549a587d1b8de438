"""The one type that everything passes around."""

from __future__ import annotations

from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]
"""A Stripe object, or validated parameters, in the shape of its JSON."""
