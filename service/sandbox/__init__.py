"""What a developer runs on a laptop: the local stack, the Stripe simulator, the demo. Not in the image."""
