"""Events: what changed, listed under /v1/events and sent to webhook endpoints."""
