"""Balance transactions: what each payment, refund and dispute does to the account's own balance."""
