"""Disputes: customers who ask their bank for the money back."""
