"""Fetches models onto a volume and serves them: one package, the entry of both images."""
