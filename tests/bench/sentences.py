"""Texts of a known number of tokens, for the vocabulary w4, w5, … of hack/demo/int8_figures.py."""

import random

SPECIAL = 2
"""Tokens around every text."""

_WORDS = 64_001
_LONG_SHARE = 0.05
LENGTHS = (8, 32, 256)


def of_length(tokens: int, count: int, *, seed: int) -> list[str]:
    """Return texts of exactly so many tokens, the special ones included."""
    chance = random.Random(seed)
    return [_text(tokens - SPECIAL, chance) for _ in range(count)]


def mixture(count: int, *, seed: int) -> list[str]:
    """Return texts as sentences are: mostly 10 to 60 tokens, about 32 in the mean, one in twenty near 200."""
    chance = random.Random(seed)
    return [_text(_words(chance), chance) for _ in range(count)]


def _words(chance: random.Random) -> int:
    if chance.random() < _LONG_SHARE:
        return chance.randint(170, 200)
    return max(8, min(58, round(chance.lognormvariate(3.1, 0.5))))


def _text(words: int, chance: random.Random) -> str:
    return " ".join(f"w{chance.randrange(4, _WORDS)}" for _ in range(words))
