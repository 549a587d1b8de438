"""Compares the database with Stripe and feeds what it missed through the very function that webhooks use."""
