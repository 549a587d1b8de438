"""Refunds: money given back, at once or later, and refunds that fail."""
