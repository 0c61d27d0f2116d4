"""s3://: a store over TLS that checks each signature."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriaidpo_predictor.fetching import s3_list, sources
from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.connection import Vetted, trusting
from veriaidpo_predictor.fetching.source import PassingError, Patience
from veriaidpo_predictor.fetching.spec import SpecSource
from veriaidpo_predictor.outcome import FetchError, Reason

from .conftest import Authority, Ended, Store

NUMBERS = count()


@dataclass(frozen=True)
class Bucket:
    """A bucket with the tiny model below models/tiny."""

    name: str
    store: Store
    run: Callable[..., Ended]

    def put(self, path: str, data: bytes) -> None:
        self.store.admin.put_object(Bucket=self.name, Key=f"models/tiny/{path}", Body=data)

    def fetch(
        self, *, secret: str | None = None, environment: dict[str, str] | None = None, **changes: Any
    ) -> Ended:
        source = {"uri": f"s3://{self.name}/models/tiny", "endpoint": self.store.url, **changes}
        keys = {"SOURCE_SECRET_DIR": str(self.store.secret) if secret is None else secret}
        return self.run(source, **keys, **(environment or {}))


@pytest.fixture
def bucket(store: Store, repository: Callable[..., dict[str, bytes]], fetch: Callable[..., Ended]) -> Bucket:
    made = Bucket(f"bucket-{next(NUMBERS)}", store, fetch)
    store.admin.create_bucket(Bucket=made.name)
    for path, data in repository().items():
        made.put(path, data)
    return made


def test_a_prefix_is_fetched_and_what_it_holds_is_its_revision(bucket: Bucket) -> None:
    code, first = bucket.fetch()
    assert (code, first["reason"]) == (0, "Published"), first
    assert bucket.fetch()[1]["reason"] == "Adopted"
    bucket.put("tokenizer_config.json", b'{"do_lower_case": true, "x": 1}')
    code, second = bucket.fetch()
    assert (code, second["reason"]) == (0, "Published"), second
    assert second["commit"] != first["commit"]


def test_googles_buckets_are_asked_in_the_same_way(bucket: Bucket) -> None:
    code, said = bucket.fetch(uri=f"gs://{bucket.name}/models/tiny")
    assert code == 0, said


def test_an_object_that_was_uploaded_in_parts_has_no_md5_and_is_fetched_all_the_same(bucket: Bucket) -> None:
    key = "models/tiny/vocab.txt"
    body = bucket.store.admin.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    where = {"Bucket": bucket.name, "Key": key}
    upload = bucket.store.admin.create_multipart_upload(**where)["UploadId"]
    part = bucket.store.admin.upload_part(**where, UploadId=upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    bucket.store.admin.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    assert "-1" in bucket.store.admin.head_object(**where)["ETag"]
    code, said = bucket.fetch()
    assert code == 0, said


def test_an_object_is_opened_at_any_byte_and_as_it_was_when_it_was_listed(
    bucket: Bucket, authority: Authority
) -> None:
    transport = Vetted(Allowed(inside=("localhost",)), context=trusting(str(authority.ca)))
    with httpx.Client(transport=transport) as client:
        environ = {"SOURCE_SECRET_DIR": str(bucket.store.secret)}
        opening = sources.Opening(environ, client, Allowed(inside=("localhost",)), Patience(1))
        asked = SpecSource(uri=f"s3://{bucket.name}/models/tiny", endpoint=bucket.store.url)
        source = sources.opened(asked, opening)
        (file,) = (one for one in source.listing().files if one.path == "vocab.txt")
        with source.bytes_from(file, 0) as (start, chunks):
            whole = b"".join(chunks)
        with source.bytes_from(file, 7) as (at, chunks):
            assert (start, at, b"".join(chunks)) == (0, 7, whole[7:])
        bucket.put("vocab.txt", whole + b"more")
        with pytest.raises(FetchError, match="changed while it was fetched"), source.bytes_from(file, 7):
            pass


def test_a_digest_of_the_spec_is_held_against_the_bytes(bucket: Bucket) -> None:
    code, said = bucket.fetch(files=[{"path": "vocab.txt", "sha256": "0" * 64}])
    assert (code, said["reason"]) == (15, "ChecksumMismatch")
    assert "vocab.txt" in said["message"]


def test_a_bucket_with_versions_is_pinned_by_them(bucket: Bucket) -> None:
    enabled = {"Status": "Enabled"}
    bucket.store.admin.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=enabled)
    bucket.put("vocab.txt", b"".join([b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", b"word\n" * 9]))
    code, said = bucket.fetch()
    assert code == 0, said


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("keys", "SourceUnauthorized"),
        ("bucket", "SourceNotFound"),
        ("prefix", "EmptySource"),
        ("host", "SourceRefused"),
    ],
)
def test_what_is_wrong_has_its_reason(bucket: Bucket, tmp_path: Path, wrong: str, reason: str) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "access-key-id").write_text((bucket.store.secret / "access-key-id").read_text())
    (tmp_path / "wrong" / "secret-access-key").write_text("an0ther-secret-access-key")
    changes: dict[str, dict[str, Any]] = {
        "keys": {"secret": str(tmp_path / "wrong")},
        "bucket": {"uri": "s3://no-such-bucket/models/tiny"},
        "prefix": {"uri": f"s3://{bucket.name}/other"},
        "host": {"environment": {"SOURCE_HOSTS_INSIDE": "elsewhere"}},
    }
    code, said = bucket.fetch(**changes[wrong])
    assert said["reason"] == reason, said
    assert code != 0


def page(*keys: str, following: str = "") -> bytes:
    contents = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    token = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    return f"<ListBucketResult><Name>b</Name>{contents}{token}</ListBucketResult>".encode()


def test_a_page_names_keys_as_they_are() -> None:
    found = s3_list.read(page("a/b.json", "x &amp; y", "xin chào", following="to=ken"))
    assert (found.keys, found.following) == (["a/b.json", "x & y", "xin chào"], "to=ken")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Log in</html>",
        b"<ListBucketResult><Contents>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + page("&a;"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + page("a"),
        b'{"not": "xml"}',
    ],
)
def test_what_is_no_page_is_not_taken_for_one(body: bytes) -> None:
    with pytest.raises(PassingError, match="not its protocol"):
        s3_list.read(body)


def test_a_page_with_more_keys_or_longer_ones_than_the_protocol_knows_is_refused() -> None:
    """Else a store fills the memory with one answer, short as it is; a key has 1,024 bytes at most."""
    assert len(s3_list.read(page(*map(str, range(1_000)))).keys) == 1_000
    assert s3_list.read(page("ộ" * 341)).keys == ["ộ" * 341]
    deep = b"<ListBucketResult>" + b"<a>" * 9 + b"</a>" * 9 + b"</ListBucketResult>"
    many, long = page(*map(str, range(1_001))), page("k" * 1_025)
    for wrong in (many, long, page("a", following="t" * 8_193), deep):
        with pytest.raises(FetchError) as refused:
            s3_list.read(wrong)
        assert refused.value.reason is Reason.SOURCE_REFUSED


@pytest.mark.parametrize(("files", "in_all"), [(10_000, 10_000), (10_001, None)])
def test_of_a_store_that_always_has_more_no_more_than_ten_thousand_files_are_listed(
    files: int, in_all: int | None
) -> None:
    """Of a bucket whose files are of a kind that is never fetched, so that none is looked at."""

    def answer(request: httpx.Request) -> httpx.Response:
        first = int(request.url.params.get("continuation-token", "0"))
        last = min(first + 900, files)
        keys = (f"{number}.md" for number in range(first, last))
        following = "" if last == files else str(last)
        return httpx.Response(200, stream=httpx.ByteStream(page("folder/", *keys, following=following)))

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        opening = sources.Opening({}, client, Allowed(), Patience(1))
        source = sources.opened(SpecSource(uri="s3://bucket", endpoint="https://store.example"), opening)
        if in_all is None:
            with pytest.raises(FetchError, match="too many objects") as refused:
                source.listing()
            assert refused.value.reason is Reason.SOURCE_REFUSED
        else:
            assert len(source.listing().files) == in_all
