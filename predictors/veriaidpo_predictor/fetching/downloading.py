"""From what a source lists to a revision: chosen, downloaded, converted, measured and published."""

import hashlib
import json
from functools import partial
from pathlib import Path

from veriaidpo_predictor import labels
from veriaidpo_predictor.computing import graph_check
from veriaidpo_predictor.fetching import (
    calibration_step,
    collecting,
    conversion,
    forbidden,
    int8_step,
    recipes,
    selection,
    staging,
)
from veriaidpo_predictor.fetching.progress import Progress, State
from veriaidpo_predictor.fetching.publishing import Result, Volume
from veriaidpo_predictor.fetching.source import Listing, Source
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.files import CONFIG, GRAPH
from veriaidpo_predictor.manifest import FileEntry
from veriaidpo_predictor.outcome import FetchError, Reason


def download(
    asked: FetchSpec, listing: Listing, *, volume: Volume, source: Source, progress: Progress
) -> Result:
    """Bring what a source lists onto the volume, and make a revision of it; raises FetchError.

    What an earlier attempt left in the staging folder of the same commit is gone on with.
    """
    is_int8 = asked.conversion.quantization == "int8"
    if is_int8:
        int8_step.check()
    chosen = selection.select(listing, asked.source.files, asked.runtime)
    _check_budget(asked, chosen.size)
    progress.start(total=chosen.size, commit=listing.commit)
    folder = volume.staging(_key(asked.source.uri, listing.commit))
    for path in chosen.made:  # by an earlier attempt, and perhaps not to the end
        (folder / path).unlink(missing_ok=True)
    incoming = staging.Staging(folder, source=source, progress=progress)
    incoming.check_space(chosen, beside=_beside(volume, chosen, is_int8=is_int8))
    files: dict[str, FileEntry] = {}
    warnings: list[str] = []
    for file in chosen.files:
        files[file.path] = incoming.fetch(file)
        if file.path in forbidden.SETTINGS:
            forbidden.check(folder / file.path)
        if file.path == CONFIG:
            warnings = labels.check(folder / file.path, asked.labels, asked.task)
            if chosen.made:  # what no graph can be made of is told before its weights are fetched
                conversion.check(folder, asked)
    if chosen.left:
        warnings.append(f"Left at the source, as files of such kinds are never fetched: {chosen.left}.")
    progress.state(State.PUBLISHING)
    _check_graph(folder, chosen)
    made_of = conversion.replace(folder, asked, files) if chosen.made else {}
    converted = int8_step.replace(folder, asked, files, chosen.tokenizer) if is_int8 else None
    if converted is not None:
        warnings += [converted.conversion.message] if converted.conversion.message else []
        made_of = made_of or converted.made_of  # of the source, not of what was made on the way
    _check_budget(asked, sum(entry.size for entry in files.values()))
    tags = labels.tags(folder / CONFIG, asked.labels, asked.task)
    describe = partial(
        recipes.manifest_of, asked, chosen, files, commit=listing.commit, tags=tags, made_of=made_of,
        conversion=converted.conversion if converted is not None else None,
    )  # fmt: skip
    made = describe(calibration=calibration_step.measure(folder, describe(), asked))
    there = volume.publish(folder, made)
    volume.tidy()
    if there is not None:
        return Result("Adopted", there.manifest, incoming.downloaded, there.warnings)
    return Result("Published", made, incoming.downloaded, warnings)


def _check_graph(folder: Path, chosen: selection.Selection) -> None:
    if chosen.recipe != selection.AS_PUBLISHED:
        return
    try:
        graph_check.check(folder / GRAPH)
    except graph_check.HostileGraphError as error:
        raise FetchError(Reason.UNSUPPORTED_FORMAT, f"{GRAPH} is not served: {error}.") from error


def _beside(volume: Volume, chosen: selection.Selection, *, is_int8: bool) -> int:
    """Bytes that are needed besides the download: for what is made of it, and at first for another revision.

    A volume with room for one only could never roll to the next, and would say so when it is too late.
    """
    made = (chosen.size if chosen.made else 0) + (chosen.size // 2 if is_int8 else 0)
    return max(made, 0 if collecting.published(volume.folder) else chosen.size)


def _check_budget(asked: FetchSpec, size: int) -> None:
    if asked.bytes_budget is not None and size > asked.bytes_budget:
        raise FetchError(
            Reason.OUT_OF_SPACE, f"The model has {size} bytes, and {asked.bytes_budget} are allowed."
        )


def _key(uri: str, commit: str) -> str:
    """Name the staging folder of a source at a commit, so that a new commit does not go on with old bytes."""
    canonical = json.dumps({"commit": commit, "uri": uri}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
