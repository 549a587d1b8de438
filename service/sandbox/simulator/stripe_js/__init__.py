"""Stripe.js, as far as a page needs it to take a card."""
