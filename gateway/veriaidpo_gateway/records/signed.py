"""What was signed about chains, in few bytes: a year's heads whole are more than a pod has room for. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from veriaidpo_gateway.records.signing import Head

_PLACE, _LENGTH = 8, 8 + 32
_FEW = 4_096


class Ends:
    """Where one chain ended at some times: positions and their links, each once, 40 bytes each."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._room = _FEW * _LENGTH
        self.last = 0
        self.lost = 0
        self.closed = False

    def add(self, position: int, link: str) -> None:
        """Note an end; `link` in hex."""
        self.last = max(self.last, position)
        self._kept += position.to_bytes(_PLACE, "big") + bytes.fromhex(link)
        if len(self._kept) >= self._room:
            self._kept = bytearray(b"".join(self._each()))
            self._room = max(self._room, 2 * len(self._kept))

    def __len__(self) -> int:
        """Count the bytes that are kept of them."""
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Go through them in the order of their positions: several of one where what was signed differs."""
        for one in self._each():
            yield int.from_bytes(one[:_PLACE], "big"), one[_PLACE:]

    def _each(self) -> list[bytes]:
        kept = bytes(self._kept)
        return sorted({kept[at : at + _LENGTH] for at in range(0, len(kept), _LENGTH)})


def by_chain(heads: Iterable[Head]) -> tuple[dict[str, Ends], int]:
    """Sort heads by the chains they speak of; and count them."""
    found: defaultdict[str, Ends] = defaultdict(Ends)
    many = 0
    for head in heads:
        many += 1
        for chain, (position, link) in head.others.items():
            found[chain].add(position, link)
        own = found[head.chain]
        own.add(head.position, head.link)
        own.lost = max(own.lost, head.lost)
        own.closed = own.closed or head.closed
    return dict(found), many
