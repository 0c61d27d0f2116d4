"""Tokens whose signature was checked before: a caller's next call need not pay for that again.

What can change is looked at each time: the key has to be the very one that is there now, and `tokens.py`
checks times and revocations as ever. Tokens are kept as digests.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.keys import Keys, VerificationKey

MOST = 2_000
"""Tokens that are kept; the one not used for longest makes room."""


@dataclass(frozen=True, slots=True)
class Good:
    """What a token with a good signature says, and which key that was checked with."""

    caller: Caller
    times: Mapping[str, int]
    kid: str
    key: VerificationKey


class Verified:
    """The tokens of one gateway."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, Good] = OrderedDict()

    def find(self, token: str, keys: Keys) -> Good | None:
        """Return what is known of a token, if its key is still there."""
        name = _name(token)
        found = self._kept.get(name)
        if found is None:
            return None
        if keys.get(found.kid) is not found.key:
            del self._kept[name]
            return None
        self._kept.move_to_end(name)
        return found

    def keep(self, token: str, good: Good) -> None:
        """Remember a token."""
        self._kept[_name(token)] = good
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
