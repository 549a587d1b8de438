"""`/_simulator`: what no API of Stripe's offers, because there it is the world's doing."""
