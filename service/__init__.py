"""Topup: prepaid credits for apps built on Supabase, paid with Stripe."""
