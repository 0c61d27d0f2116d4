"""Whatever is done to records after they were written is found, and the rows it was done to are named."""

import json
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.records.findings import Kind
from veriaidpo_gateway.records.rows import FORMAT, End, beginning, chained, hash_of
from veriaidpo_gateway.records.signed import Ends
from veriaidpo_gateway.records.signing import Head, PublicKeys, Receipt, Signer, UnsignedError
from veriaidpo_gateway.records.verify import MOST_LOOSE

from .chains import CHAIN, contents, erased, kept, renumbered

many = st.integers(3, 90)


@given(st.integers(0, 120), st.integers(1, 40), st.booleans())
def test_what_nobody_touched_is_as_it_was_written(rows: int, every: int, closed: bool) -> None:
    report = kept(rows, every=every, closed=closed).verified()
    assert not report.findings
    assert report.rows == rows
    assert report.unsigned_rows == (0 if closed else rows % every)


@given(many, st.data())
def test_a_removed_row_is_named(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    gone = data.draw(st.integers(1, rows - 1))
    del before.rows[gone - 1]
    assert before.found() == [(Kind.REMOVED, gone, gone)]


@given(many, st.data())
def test_a_removed_row_shows_even_when_the_others_are_numbered_anew(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    gone = data.draw(st.integers(1, rows - 1))
    before.rows = renumbered(before.rows[: gone - 1] + before.rows[gone:])
    assert before.found() == [(Kind.CUT, rows, rows), (Kind.CHANGED, gone, gone)]


@given(many, st.data())
def test_a_changed_row_is_named(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    index = data.draw(st.integers(0, rows - 1))
    row = before.rows[index]
    assert row.contents is not None
    changes: list[dict[str, Any]] = [
        {"label": "l3"},
        {"time": 1},
        {"subject": "eve"},
        {"needs_review": 1},
        {"model": None},
    ]
    change = data.draw(st.sampled_from(changes))
    before.rows[index] = row._replace(contents=row.contents._replace(**change))
    assert before.found() == [(Kind.CHANGED, index + 1, index + 1)]


@given(many, st.data())
def test_a_changed_row_whose_hash_was_made_to_fit_is_named(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    index = data.draw(st.integers(0, rows - 1))
    row = before.rows[index]
    assert row.contents is not None
    other = row.contents._replace(label="l3")
    before.rows[index] = row._replace(contents=other, row_hash=hash_of(other))
    assert before.found() == [(Kind.CHANGED, index + 1, index + 1)]


@given(many, st.data())
def test_a_chain_that_was_written_anew_is_not_what_was_signed(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    index = data.draw(st.integers(0, rows - 1))
    said = [row.contents for row in before.rows if row.contents is not None]
    said[index] = said[index]._replace(label="l3")
    before.rows = list(chained(CHAIN, beginning(CHAIN), said))
    first = min(head.position for head in before.heads if head.position > index)
    assert (Kind.UNLIKE_HEAD, first, first) in before.found()


@given(many, st.integers(1, 5), st.data())
def test_added_rows_are_named(rows: int, more: int, data: st.DataObject) -> None:
    before = kept(rows)
    at = data.draw(st.integers(0, rows - 1))
    end = End(at, before.rows[at - 1].link) if at else beginning(CHAIN)
    new = chained(CHAIN, end, [contents(1000 + number) for number in range(more)])
    before.rows = renumbered([*before.rows[:at], *new, *before.rows[at:]])
    assert (Kind.ADDED, at + 1, at + more) in before.found()


@given(many, st.data())
def test_rows_that_changed_places_are_named(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    one = data.draw(st.integers(0, rows - 2))
    other = data.draw(st.integers(one + 1, rows - 1))
    mixed = before.rows[:]
    mixed[one], mixed[other] = mixed[other], mixed[one]
    before.rows = renumbered(mixed)
    named = {
        position
        for kind, first, last in before.found()
        if kind is Kind.MOVED
        for position in range(first, last + 1)
    }
    assert {one + 1, other + 1} <= named


@given(many, st.data())
def test_a_cut_tail_is_named_as_far_as_it_was_signed(rows: int, data: st.DataObject) -> None:
    before = kept(rows)
    left = data.draw(st.integers(0, rows - 1))
    before.rows = before.rows[:left]
    assert before.found() == [(Kind.CUT, left + 1, rows)]


def test_behind_a_closed_chain_nothing_comes() -> None:
    before = kept(12)
    last = before.rows[-1]
    before.rows += chained(CHAIN, End(last.position, last.link), [contents(99)])
    assert before.found() == [(Kind.ADDED, 13, 13)]


def test_a_chain_that_nobody_signed_is_not_believed() -> None:
    before = kept(3)
    before.heads = []
    assert before.found() == [(Kind.UNSIGNED, 1, 1)]


def test_a_chain_that_went_together_with_its_heads_is_missed_by_the_others() -> None:
    gone, there = kept(25, chain="a" * 16), kept(5, chain="b" * 16)
    end = gone.heads[-1]
    there.heads[-1] = replace(there.heads[-1], others={gone.rows[0].chain: (end.position, end.link)})
    assert [tuple(one) for one in there.verified().findings] == [(Kind.CUT, "a" * 16, 1, 25)]


@given(many, st.integers(1, 4))
def test_erased_rows_with_their_receipt_leave_the_chain_proven(rows: int, tenants: int) -> None:
    after = erased(kept(rows, tenants=tenants), "t1")
    report = after.verified()
    assert not report.findings
    assert report.erased == len([row for row in after.rows if row.contents is None])


def test_two_heads_of_one_place_that_say_different_things_are_found_whichever_came_first() -> None:
    for turned in (False, True):
        before = kept(25)
        before.heads += kept(0, chain="b" * 16).heads
        before.heads[-1] = replace(before.heads[-1], others={CHAIN: (20, "00" * 32)})
        if turned:
            before.heads.reverse()
        assert (Kind.UNLIKE_HEAD, 20, 20) in before.found()


def test_what_was_signed_takes_forty_bytes_however_often_it_is_said_again() -> None:
    places, ends = 10_000, Ends()
    for position in range(1, places + 1):
        for said_again in range(16):
            ends.add(max(1, position - said_again), f"{max(1, position - said_again):064x}")
    assert [position for position, _ in ends] == list(range(1, places + 1))
    assert ends.last == places
    assert len(ends) <= 2 * 40 * places


def test_erased_rows_are_held_against_their_receipt() -> None:
    after = erased(kept(30, tenants=2), "t1")
    whole = after.rows[:]
    after.rows[1] = after.rows[1]._replace(contents=None, receipt="r1")  # t2's, under t1's receipt
    assert after.found() == [(Kind.ERASED_WITHOUT_RECEIPT, 1, 29)]
    after.rows = whole[:]
    after.rows[1] = after.rows[1]._replace(contents=None)
    assert after.found() == [(Kind.ERASED_WITHOUT_RECEIPT, 2, 2)]
    after.rows, after.receipts = whole, []
    assert after.found() == [(Kind.ERASED_WITHOUT_RECEIPT, 1, 29)]


words = st.text(st.characters(exclude_categories=["Cs"]))


@given(words, words, st.none() | st.integers(0, 10**6))
def test_the_hashed_line_is_plain_json_that_every_program_writes_the_same(
    subject: str, label: str, confidence: int | None
) -> None:
    said = contents(1)._replace(subject=subject, label=label, confidence=confidence)
    line = json.dumps([FORMAT, *said], ensure_ascii=False, separators=(",", ":"))
    assert hash_of(said) == sha256(line.encode()).digest()


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_what_was_signed_is_read_with_the_public_key_alone(keys: tuple[Path, bytes]) -> None:
    signer, public = Signer(keys[0], "KEY"), PublicKeys(keys[1])
    head = Head(CHAIN, 7, "ab" * 32, 1_795_000_000_000, lost=3, others={"b" * 16: (4, "cd" * 32)})
    receipt = Receipt("r1", "t1", "request", 1, 2, 3, {CHAIN: (3, "ef" * 32)})
    assert public.head(signer.sign(head)) == head
    assert public.receipt(signer.sign(receipt)) == receipt
    with pytest.raises(UnsignedError):
        public.receipt(signer.sign(head))


def test_a_head_that_was_changed_or_signed_by_somebody_else_is_none(keys: tuple[Path, bytes]) -> None:
    signed = Signer(keys[0], "KEY").sign(Head(CHAIN, 7, "ab" * 32, 1))
    header, payload, signature = signed.split(".")
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    stranger = PublicKeys(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UnsignedError):
        stranger.head(signed)
    for bad in (f"{header}.{payload[:-4]}AAAA.{signature}", f"{header}.{payload}.", "", "a.b.c"):
        with pytest.raises(UnsignedError):
            PublicKeys(keys[1]).head(bad)


def test_a_key_that_cannot_sign_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("no key")
    with pytest.raises(InvalidSettingsError, match="RECORDS_SIGNING_KEY_FILE"):
        Signer(file, "RECORDS_SIGNING_KEY_FILE")
    with pytest.raises(ValueError):
        PublicKeys(b"no key")


def test_where_very_much_was_changed_it_still_ends_and_each_row_is_named() -> None:
    rows = 4 * MOST_LOOSE
    before = kept(rows)
    before.rows = [row._replace(row_hash=sha256(row.row_hash).digest()) for row in before.rows]
    begun = time.process_time()
    found = before.found()
    assert time.process_time() - begun < 30
    assert {first for kind, first, _ in found if kind is Kind.CHANGED} == set(range(1, rows + 1))
