"""Finds out why the service does not work: every setting, against the Supabase and Stripe it points to."""
