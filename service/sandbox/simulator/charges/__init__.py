"""Charges: one attempt each to take the money of a PaymentIntent."""
