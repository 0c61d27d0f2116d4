"""The one way to Redis, wherever its servers are."""
