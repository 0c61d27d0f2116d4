"""Which files of a source become a revision: those on a list, so nothing that can run is ever fetched."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from veriaidpo_predictor.fetching import forbidden
from veriaidpo_predictor.fetching.source import Listing, SourceFile
from veriaidpo_predictor.fetching.spec import PinnedFile
from veriaidpo_predictor.files import CONFIG, GRAPH, GRAPH_DATA, GRAPH_FILES, WEIGHTS
from veriaidpo_predictor.manifest import Runtime, TokenizerKind
from veriaidpo_predictor.outcome import FetchError, Reason
from veriaidpo_predictor.tokenising import tokenise_kind

AS_PUBLISHED = "onnx-as-published/1"
"""The repository's own graph in fp32: the recipe is part of a revision's digest."""
FROM_WEIGHTS = "onnx-from-safetensors/1"
"""A graph made here of config.json and model.safetensors, where the repository has none."""
FOR_TORCH = "safetensors-as-published/1"
"""The repository's own weights, which transformers and torch compute: nothing is made of them."""
RECIPES: Mapping[Runtime, tuple[str, ...]] = {"onnx": (AS_PUBLISHED, FROM_WEIGHTS), "torch": (FOR_TORCH,)}

_NAMES = {
    CONFIG,
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "bpe.codes",
    "labels.json",
}
_OF_RECIPE = {
    AS_PUBLISHED: set(GRAPH_FILES),
    FROM_WEIGHTS: {WEIGHTS},
    FOR_TORCH: {WEIGHTS},
}
_SENTENCEPIECE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.model")
_NO_MODEL = re.compile(r"(\.gitattributes|\.gitignore|README\.md|LICENSE.*)")
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch; `sha256` is what its bytes must give, where the spec or the source says it."""

    source: SourceFile
    sha256: str | None

    @property
    def path(self) -> str:
        """Its place in the source and in the revision."""
        return self.source.path

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.source.size


@dataclass(frozen=True, slots=True)
class Selection:
    """The files to fetch, the smallest first: what is wrong mostly shows in the small ones."""

    files: tuple[Wanted, ...]
    tokenizer: TokenizerKind
    recipe: str
    left: str = ""
    """What the source has besides and is never fetched, by name."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def made(self) -> tuple[str, ...]:
        """Files of the revision that are not fetched but made of those that are."""
        return (GRAPH, GRAPH_DATA) if self.recipe == FROM_WEIGHTS else ()


def select(listing: Listing, pins: Sequence[PinnedFile], runtime: Runtime = "onnx") -> Selection:
    """Choose the files that a runtime needs; a pin is a sha256 that the spec gives for a path.

    Raises FetchError when the files do not make a model that can be served, or not the pinned one.
    """
    names = {file.path for file in listing.files}
    if all(_NO_MODEL.fullmatch(name) for name in names):
        raise FetchError(Reason.EMPTY_SOURCE, "The source holds no model.")
    recipe = _recipe(names, runtime)
    kind = tokenise_kind.kind_of(names)
    if kind is None or CONFIG not in names:
        missing = CONFIG if CONFIG not in names else "tokenizer that is known here"
        raise FetchError(Reason.UNSUPPORTED_FORMAT, f"The source has no {missing}.")
    known = _pinned(listing, pins)
    chosen = [_wanted(file, known) for file in listing.files if _is_wanted(file.path, recipe)]
    for file in chosen:
        if file.size == 0 and file.path in {GRAPH, WEIGHTS}:
            raise FetchError(Reason.EMPTY_SOURCE, f"{file.path} is empty.")
    left = forbidden.named(names)
    return Selection(tuple(sorted(chosen, key=lambda file: (file.size, file.path))), kind, recipe, left)


def _recipe(names: AbstractSet[str], runtime: Runtime) -> str:
    """Tell how the files become a revision; raises FetchError where there is nothing to begin with."""
    wanted = (WEIGHTS,) if runtime == "torch" else (GRAPH, WEIGHTS)
    if names.isdisjoint(wanted):
        raise FetchError(Reason.UNSUPPORTED_FORMAT, _nothing_to_serve(names, wanted))
    if runtime == "torch":
        return FOR_TORCH
    return AS_PUBLISHED if GRAPH in names else FROM_WEIGHTS


def _nothing_to_serve(names: AbstractSet[str], wanted: Sequence[str]) -> str:
    """Say what the source has in place of a graph or weights in one file."""
    only, never = "", forbidden.named(names)
    if any(_SHARD.fullmatch(name) for name in names):
        only = ": its weights are in several files, which is not supported"
    elif never:
        only = f"; never fetched: {never}"
    return f"The source has {'neither ' if len(wanted) > 1 else 'no '}{' nor '.join(wanted)}{only}."


def is_known(path: str) -> bool:
    """Tell whether a file of this name may be fetched at all."""
    return any(_is_wanted(path, recipe) for recipe in _OF_RECIPE)


def _is_wanted(path: str, recipe: str) -> bool:
    return path in _NAMES or path in _OF_RECIPE[recipe] or _SENTENCEPIECE.fullmatch(path) is not None


def _pinned(listing: Listing, pins: Sequence[PinnedFile]) -> dict[str, str]:
    """Compare the pins with what the source says of its files, before a byte is fetched."""
    if never := forbidden.named(pin.path for pin in pins):
        raise FetchError(Reason.SOURCE_REFUSED, f"Files of such a kind are never fetched: {never}.")
    told = {file.path: file.sha256 for file in listing.files}
    for pin in pins:
        if pin.path not in told:
            raise FetchError(Reason.CHECKSUM_MISMATCH, f"The source lacks {pin.path}, whose sha256 is given.")
        if told[pin.path] not in {None, pin.sha256}:
            raise FetchError(
                Reason.CHECKSUM_MISMATCH, f"The source has another {pin.path} than the given sha256."
            )
    return {pin.path: pin.sha256 for pin in pins}


def _wanted(file: SourceFile, pins: dict[str, str]) -> Wanted:
    sha256 = pins.get(file.path) or file.sha256
    if sha256 is None and file.blob_id is None and file.md5 is None and not file.etag:
        raise FetchError(
            Reason.CHECKSUM_MISMATCH, f"Neither the source nor the spec has a checksum of {file.path}."
        )
    return Wanted(file, sha256)
