"""PaymentIntents: one purchase each, from its creation to its money."""
