"""Customers: who pays, and what they pay with."""
