"""manifest.json of a revision: what was published, and whether it is still what lies on the volume.

A revision is a directory named by its digest. The manifest is written last, so a directory without one was
never published, however complete it looks.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from veriaidpo_predictor.record import Record
from veriaidpo_predictor.verdict import Conversion

FILE_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 4 << 20

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
TokenizerKind = Literal["phobert-bpe", "sentencepiece", "wordpiece", "tokenizer-json"]
Runtime = Literal["onnx", "torch"]
Task = Literal["text-classification", "token-classification"]


class ManifestError(Exception):
    """A revision that must not be served; the message is one sentence for an operator of the cluster."""


class Label(Record):
    """A class of a model, its position in the list the category_id; or a type of the spans that one finds."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    vi: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    article: Annotated[str, StringConstraints(max_length=256)] | None = None


class GoldenSentence(Record):
    """A text and the id of the label a sound model gives it."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    label: str


class GoldenSpan(Record):
    """A part of a text, in code points from `start` up to but without `end`, and the id of its label."""

    start: Annotated[int, Field(ge=0)]
    end: int
    label: str


class GoldenSpans(Record):
    """A text and exactly the spans that a sound model finds in it, in their order."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    spans: Annotated[tuple[GoldenSpan, ...], Field(max_length=256)]

    @model_validator(mode="after")
    def _spans_are_in_the_text(self) -> "GoldenSpans":
        at = 0
        for span in self.spans:
            if not at <= span.start < span.end <= len(self.text):
                raise ValueError("the spans lie in the text, in order, and do not overlap")
            at = span.end
        return self


Golden = GoldenSentence | GoldenSpans


class FileEntry(Record):
    """A published file; size in bytes."""

    sha256: Sha256
    size: Annotated[int, Field(ge=0)]


class Source(Record):
    """Where the bytes came from; `commit` is what the revision (a branch, a tag) stood for then.

    `files` are those of the source that published files were made of, and which are not published themselves.
    """

    uri: str
    revision: str
    commit: str
    files: Annotated[dict[str, FileEntry], Field(max_length=256)] | None = None


class Manifest(Record):
    """manifest.json, schema version 1."""

    schema_version: Literal[1]
    model: ModelName
    model_type: str
    language: str
    task: Task
    source: Source
    recipe: str
    cpu_class: str
    format: str
    max_tokens: Annotated[int, Field(ge=8, le=8_192)]
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=1_024)]
    # Of a model that finds spans only: what each number of the graph's last dimension means.
    tags: Annotated[tuple[str, ...] | None, Field(validate_default=True)] = None
    files: Annotated[dict[str, FileEntry], Field(min_length=1, max_length=256)]
    tokenizer: TokenizerKind
    golden_sentences: Annotated[tuple[Golden, ...], Field(max_length=256)] = ()
    # Where int8 was asked for: what it was measured to keep, and which of the two graphs this is.
    conversion: Conversion | None = None
    digest: Sha256
    created_at: str

    @field_validator("files")
    @classmethod
    def _paths_stay_inside(cls, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        for path in files:
            if not is_inside(path):
                raise ValueError("a file of the manifest lies outside the revision")
        return files

    @field_validator("tags")
    @classmethod
    def _tags_are_those_of_the_labels(
        cls, tags: tuple[str, ...] | None, info: ValidationInfo
    ) -> tuple[str, ...] | None:
        expected = bio(info.data.get("labels", ())) if _finds_spans(info) else None
        if (None if tags is None else sorted(tags)) != (None if expected is None else sorted(expected)):
            raise ValueError("the tags are not O and a B- and an I- for each label")
        return tags

    @field_validator("golden_sentences")
    @classmethod
    def _golden_fits_the_task(cls, golden: tuple[Golden, ...], info: ValidationInfo) -> tuple[Golden, ...]:
        return fitting(golden, info)

    @property
    def runtime(self) -> Runtime:
        """What computes it: a graph for ONNX Runtime, or weights for transformers and torch."""
        return "torch" if self.format.startswith("torch-") else "onnx"

    @property
    def size(self) -> int:
        """Bytes of all files, the manifest itself not counted."""
        return sum(entry.size for entry in self.files.values())


def bio(labels: Sequence[Label]) -> list[str]:
    """Name the tags of a model that finds spans: none (O), and the beginning and inside of each label."""
    return ["O", *(f"{position}-{label.id}" for label in labels for position in "BI")]


def fitting(golden: tuple[Golden, ...], info: ValidationInfo) -> tuple[Golden, ...]:
    """Check that golden sentences are those of the document's task; raises ValueError."""
    wanted = GoldenSpans if _finds_spans(info) else GoldenSentence
    known = {label.id for label in info.data.get("labels", ())}
    if not all(isinstance(one, wanted) for one in golden):
        raise ValueError(f"a golden sentence of a {info.data.get('task')} model is not of this form")
    if any(span.label not in known for one in golden if isinstance(one, GoldenSpans) for span in one.spans):
        raise ValueError("a golden sentence has a span with a label that the model lacks")
    return golden


def _finds_spans(info: ValidationInfo) -> bool:
    return info.data.get("task") == "token-classification"


def is_inside(path: str) -> bool:
    """Tell whether a relative path of plain names stays below the directory it is joined to."""
    names = path.split("/")
    plain = all(name not in {"", ".", ".."} and name.isprintable() for name in names)
    return plain and "\\" not in path and len(path) <= 512 and not PurePosixPath(path).is_absolute()


def digest_of(files: Mapping[str, str], *, recipe: str, cpu_class: str = "any") -> str:
    """Give the name of a revision: sha256 of the canonical JSON of what decides its bytes.

    `files` maps path to sha256 in hex. Labels and golden sentences are not part of it: they do not change a
    byte.
    """
    body = {"cpuClass": cpu_class, "files": dict(files), "recipe": recipe}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """Write a manifest so that equal manifests are equal bytes, and a person can read it."""
    body = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    return (json.dumps(body, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def read(directory: Path) -> Manifest:
    """Read the manifest of a revision and check it against itself, not yet against the files.

    Raises ManifestError when the directory was never published or its manifest is not sound.
    """
    path = directory / FILE_NAME
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        raise ManifestError(f"{directory} is not a published revision: it has no {FILE_NAME}.") from None
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"{path} is larger than {MAX_MANIFEST_BYTES} bytes.")
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the document"
        raise ManifestError(f"{path} is not a manifest of schema version 1: see {where}.") from None
    files = {name: entry.sha256 for name, entry in manifest.files.items()}
    if manifest.digest != digest_of(files, recipe=manifest.recipe, cpu_class=manifest.cpu_class):
        raise ManifestError(f"{path} does not carry the digest of its own files.")
    return manifest


def verify(directory: Path, manifest: Manifest) -> None:
    """Read every published file again and compare; raises ManifestError for the first that differs."""
    for name, entry in manifest.files.items():
        path = directory / name
        if path.is_symlink() or not path.is_file():
            raise ManifestError(f"{name} of revision {manifest.digest[:12]} is missing.")
        if path.stat().st_size != entry.size:
            raise ManifestError(f"{name} of revision {manifest.digest[:12]} has another size than published.")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.sha256:
            raise ManifestError(
                f"{name} of revision {manifest.digest[:12]} has another sha256 than published."
            )


def below(directory: Path) -> list[Path]:
    """Give the published revisions that a directory is or holds: a revision, a model's folder, or a volume.

    Raises ManifestError when there is none.
    """
    places = (FILE_NAME, f"revisions/*/{FILE_NAME}", f"models/*/revisions/*/{FILE_NAME}")
    found = sorted(path.parent for place in places for path in directory.glob(place))
    if not found:
        raise ManifestError(f"{directory} holds no published revision.")
    return found


def find(directory: Path) -> Path:
    """Take a revision directory, or the only published revision below `ROOT/models/<name>`.

    Raises ManifestError when there is none or more than one to choose from.
    """
    if (directory / FILE_NAME).is_file() or not (directory / "revisions").is_dir():
        return directory
    published = [path.parent for path in sorted((directory / "revisions").glob(f"*/{FILE_NAME}"))]
    if len(published) != 1:
        raise ManifestError(f"{directory} has {len(published)} published revisions: name the one to serve.")
    return published[0]
