"""Webhook endpoints: who is told about events, and with which secret."""
