"""manifest.json of a revision: what was published, and whether it is still what lies on the volume.

A revision is a directory named by its digest. The manifest is written last, so a directory without one was
never published, however complete it looks.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, field_validator

from veriaidpo_predictor import calibration as calibrations
from veriaidpo_predictor.calibration import Calibration
from veriaidpo_predictor.golden import Golden, Label, Task, bio, finds_spans, fitting
from veriaidpo_predictor.record import Record
from veriaidpo_predictor.verdict import Conversion

FILE_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 4 << 20
_PART_BYTES = 1 << 20

SHA256 = r"[0-9a-f]{64}"
MODEL_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
Sha256 = Annotated[str, StringConstraints(pattern=f"^{SHA256}$")]
ModelName = Annotated[str, StringConstraints(pattern=f"^{MODEL_NAME}$")]
TokenizerKind = Literal["phobert-bpe", "sentencepiece", "wordpiece", "tokenizer-json"]
Runtime = Literal["onnx", "torch"]
INT8_FORMAT = "onnx-int8"
"""Of a graph that a fetch made int8, not of one that was published so."""


class ManifestError(Exception):
    """A revision that must not be served; the message is one sentence for an operator of the cluster."""


class UnreadableError(ManifestError):
    """A manifest of which nothing is known: the volume gave an error instead of its bytes."""


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
    # Where there were labelled sentences for it: what the confidence was held against.
    calibration: Calibration | None = None
    digest: Sha256
    created_at: str
    # Of all the rest, as `encode` writes it: the digest covers the files, and no word of this document. What
    # was published by a version before this one has none.
    sha256: Sha256 | None = None

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
        expected = bio(info.data.get("labels", ())) if finds_spans(info) else None
        if (None if tags is None else sorted(tags)) != (None if expected is None else sorted(expected)):
            raise ValueError("the tags are not O and a B- and an I- for each label")
        return tags

    @field_validator("golden_sentences")
    @classmethod
    def _golden_fits_the_task(cls, golden: tuple[Golden, ...], info: ValidationInfo) -> tuple[Golden, ...]:
        return fitting(golden, info)

    @field_validator("calibration")
    @classmethod
    def _reference_is_of_the_labels(
        cls, found: Calibration | None, info: ValidationInfo
    ) -> Calibration | None:
        reference = found.reference if found is not None else None
        if reference is not None and len(reference.labels) != len(info.data.get("labels", ())):
            raise ValueError("the calibration is of another number of labels")
        return found

    @property
    def runtime(self) -> Runtime:
        """What computes it: a graph for ONNX Runtime, or weights for transformers and torch."""
        return "torch" if self.format.startswith("torch-") else "onnx"

    @property
    def temperature(self) -> float:
        """What the logits are divided by before they become probabilities."""
        return 1.0 if self.calibration is None else self.calibration.temperature

    @property
    def size(self) -> int:
        """Bytes of all files, the manifest itself not counted."""
        return sum(entry.size for entry in self.files.values())


def is_inside(path: str) -> bool:
    """Tell whether a relative path of plain names stays below the directory it is joined to."""
    names = path.split("/")
    plain = all(name not in {"", ".", ".."} and name.isprintable() for name in names)
    return plain and "\\" not in path and len(path) <= 512 and not PurePosixPath(path).is_absolute()


def digest_of(
    files: Mapping[str, str],
    *,
    recipe: str,
    cpu_class: str = "any",
    calibration: Calibration | None = None,
) -> str:
    """Give the name of a revision: sha256 of the canonical JSON of what decides its bytes and its answers.

    `files` maps path to sha256 in hex. Labels and golden sentences are not part of it: they do not change a
    byte. The manifest's own sha256 is for them. A temperature changes every probability, so it is.
    """
    body = {"cpuClass": cpu_class, "files": dict(files), "recipe": recipe}
    body |= calibrations.of_the_digest(calibration)
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """Write a manifest with its own sha256: equal manifests are equal bytes, and a person can read them."""
    return _text(manifest.model_copy(update={"sha256": _own_sha256(manifest)}))


def _own_sha256(manifest: Manifest) -> str:
    return hashlib.sha256(_text(manifest.model_copy(update={"sha256": None}))).hexdigest()


def _text(manifest: Manifest) -> bytes:
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
        raise UnreadableError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"{path} is larger than {MAX_MANIFEST_BYTES} bytes.")
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the document"
        raise ManifestError(f"{path} is not a manifest of schema version 1: see {where}.") from None
    files = {name: entry.sha256 for name, entry in manifest.files.items()}
    expected = digest_of(
        files, recipe=manifest.recipe, cpu_class=manifest.cpu_class, calibration=manifest.calibration
    )
    if manifest.digest != expected:
        raise ManifestError(f"{path} does not carry the digest of its own files.")
    if manifest.sha256 not in {None, _own_sha256(manifest)}:
        raise _other_sha256(FILE_NAME, manifest)
    return manifest


def verify(directory: Path, manifest: Manifest, pace: Callable[[int], None] = lambda _: None) -> None:
    """Read the manifest and every file again and compare; raises ManifestError for the first that differs.

    `pace` is told of each part that was read, in bytes, and may take its time. What the volume does not give
    is an OSError, of the manifest an UnreadableError.
    """
    if _own_sha256(read(directory)) != _own_sha256(manifest):
        raise _other_sha256(FILE_NAME, manifest)
    for name, entry in manifest.files.items():
        path = directory / name
        if path.is_symlink() or not path.is_file():
            raise ManifestError(f"{name} of revision {manifest.digest[:12]} is missing.")
        if path.stat().st_size != entry.size:
            raise ManifestError(f"{name} of revision {manifest.digest[:12]} has another size than published.")
        if _sha256(path, pace) != entry.sha256:
            raise _other_sha256(name, manifest)


def _sha256(path: Path, pace: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while part := file.read(_PART_BYTES):
            digest.update(part)
            pace(len(part))
    return digest.hexdigest()


def _other_sha256(name: str, manifest: Manifest) -> ManifestError:
    return ManifestError(f"{name} of revision {manifest.digest[:12]} has another sha256 than published.")
