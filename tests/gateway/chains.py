"""Chains of decision records as a replica would have written them, with heads now and then."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from veriaidpo_gateway.records.erased import digest_of
from veriaidpo_gateway.records.findings import Kind, Report
from veriaidpo_gateway.records.rows import Contents, End, Row, beginning, chained, hashed
from veriaidpo_gateway.records.signing import Head, Receipt
from veriaidpo_gateway.records.verify import verify

CHAIN = "c0ffee0000000001"


def contents(number: int, *, tenant: str = "t1", subject: str = "anna") -> Contents:
    """What the record of one classification says; its number shows in the request id."""
    return Contents(
        salt=f"{number:032x}",
        time=1_795_000_000_000 + number,
        request_id=f"request-{number}",
        item=None,
        tenant=tenant,
        subject=subject,
        model="principles-vi",
        model_type="principles",
        language="vi",
        revision="5" * 64,
        label="l2",
        category_id=2,
        confidence=800_000,
        threshold=None,
        needs_review=0,
        cached=0,
        normaliser="3:abc",
        text_hash="ab" * 32,
    )


@dataclass
class Kept:
    """Rows, and what was signed about them."""

    rows: list[Row]
    heads: list[Head]
    receipts: list[Receipt] = field(default_factory=list)

    def verified(self) -> Report:
        return verify(map(hashed, self.rows), self.heads, self.receipts)

    def found(self) -> list[tuple[Kind, int, int]]:
        return [(kind, first, last) for kind, _, first, last in self.verified().findings]


def kept(many: int, *, every: int = 10, chain: str = CHAIN, closed: bool = True, tenants: int = 1) -> Kept:
    """Write so many rows, with a head at the beginning and after each `every`, and one that closes it."""
    said = [contents(number, tenant=f"t{1 + number % tenants}") for number in range(many)]
    rows = list(chained(chain, beginning(chain), said))
    ends = [beginning(chain), *(End(row.position, row.link) for row in rows if row.position % every == 0)]
    heads = [Head(chain, end.position, end.link.hex(), 1_795_000_000_000) for end in ends]
    if closed:
        last = End(rows[-1].position, rows[-1].link) if rows else beginning(chain)
        heads.append(Head(chain, last.position, last.link.hex(), 1_795_000_000_000, closed=True))
    return Kept(rows, heads)


def erased(before: Kept, tenant: str) -> Kept:
    """Blank one tenant's rows, with the receipt for it."""
    gone = [row for row in before.rows if row.contents is not None and row.contents.tenant == tenant]
    of_chain: dict[str, list[bytes]] = {}
    for row in gone:
        of_chain.setdefault(row.chain, []).append(row.row_hash)
    chains = {chain: (len(hashes), digest_of(hashes)) for chain, hashes in of_chain.items()}
    receipt = Receipt("r1", tenant, "request", 1, 2, len(gone), chains)
    blank = [row._replace(contents=None, receipt="r1") if row in gone else row for row in before.rows]
    return replace(before, rows=blank, receipts=[*before.receipts, receipt])


def renumbered(rows: Sequence[Row]) -> list[Row]:
    """Give rows the positions they would have, so that no gap shows."""
    return [row._replace(position=position) for position, row in enumerate(rows, 1)]
