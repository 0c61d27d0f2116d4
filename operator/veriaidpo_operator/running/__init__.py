"""What runs all the time: kopf's events, the queue of work, and one look at one Model."""
