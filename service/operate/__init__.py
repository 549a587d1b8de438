"""What somebody runs who looks after a running Topup: reconcile, events, explain, audit."""
