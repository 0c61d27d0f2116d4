"""The error of every runtime, so that whoever loads a revision need not import them all."""


class UnusableError(Exception):
    """A revision that cannot be computed here; the message is one sentence."""
