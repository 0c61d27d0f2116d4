"""The fetch command: source -> staging -> verified -> published, or adopted where it already is.

A fetch may be killed at any point and started again: it goes on where the last one was. Two at once take
turns.
"""

import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from veriaidpo_predictor import calibration, labels, outcome, verdict
from veriaidpo_predictor.computing import graph_check
from veriaidpo_predictor.fetching import (
    calibration_step,
    collecting,
    conversion,
    forbidden,
    int8_step,
    recipes,
    selection,
    sources,
    spec,
    staging,
)
from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.collecting import Keep
from veriaidpo_predictor.fetching.connection import Vetted, trusting
from veriaidpo_predictor.fetching.progress import Progress, State, told
from veriaidpo_predictor.fetching.publishing import Published, Volume
from veriaidpo_predictor.fetching.source import Listing, Patience, Source
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.files import CONFIG, GRAPH
from veriaidpo_predictor.manifest import FileEntry, Manifest
from veriaidpo_predictor.outcome import FetchError, Reason

log = logging.getLogger("veriaidpo.fetch")

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_KEEP_ALL = Keep()
_TOLD = 20  # digests: what a termination message has room for


@dataclass(frozen=True, slots=True)
class Result:
    """A revision on the volume; `how` is Published or Adopted."""

    how: str
    manifest: Manifest
    downloaded: int = 0
    warnings: list[str] = field(default_factory=list)


def run(
    argument: str | None,
    *,
    root: Path,
    progress_port: int | None,
    attempts: int,
    keep: Keep = _KEEP_ALL,
    read_only: bool = False,
) -> int:
    """Fetch what a spec asks for, say how it ended, and give the exit code."""
    progress = Progress()
    try:
        asked = spec.read(argument)
        with told(progress, progress_port):
            if read_only:
                result = adopt(asked, root=root)
            else:
                result = _from_its_source(asked, root, progress, Patience(attempts), keep)
            progress.state(State.DONE)
    except FetchError as error:
        return _failed(progress, error.reason, str(error), retry_after=error.retry_after)
    except Exception as error:
        log.exception("fetch failed")
        return _failed(progress, Reason.INTERNAL, f"The fetch failed unexpectedly ({type(error).__name__}).")
    _tell(
        {
            "reason": result.how,
            "message": f"Revision {result.manifest.digest[:12]} of {asked.name} is on the volume.",
            "digest": result.manifest.digest,
            "commit": result.manifest.source.commit,
            "bytesTotal": result.manifest.size,
            "bytesDownloaded": result.downloaded,
            "sizeBytes": result.manifest.size,
            "format": result.manifest.format,
            "revisions": collecting.published(Volume(root, asked).folder)[:_TOLD],
            "conversion": verdict.told(result.manifest.conversion),
            **calibration.told(result.manifest.calibration),
            "warnings": result.warnings,
        }
    )
    return 0


def adopt(asked: FetchSpec, *, root: Path) -> Result:
    """Find what somebody else published on a volume that cannot be written to; raises FetchError."""
    found = Volume(root, asked).find_any(asked.source.revision)
    if found is None:
        text = f"The volume is read-only, and has no sound revision of {asked.source.uri} for {asked.name}."
        raise FetchError(Reason.VOLUME_READ_ONLY, text)
    return Result("Adopted", found.manifest, 0, list(found.warnings))


def _from_its_source(
    asked: FetchSpec, root: Path, progress: Progress, patience: Patience, keep: Keep
) -> Result:
    allowed = sources.allowed_for(asked.source, os.environ)
    with _client(allowed) as client:
        source = sources.opened(asked.source, sources.Opening(os.environ, client, allowed, patience))
        return fetch(asked, root=root, source=source, progress=progress, keep=keep)


def fetch(
    asked: FetchSpec, *, root: Path, source: Source, progress: Progress, keep: Keep = _KEEP_ALL
) -> Result:
    """Bring one model onto the volume, old revisions making room for it; raises FetchError."""
    volume = Volume(root, asked)
    with staging.naming_full_disks(), staging.alone(volume.folder):
        collecting.collect(volume.folder, Keep(dropped=keep.dropped))
        found = volume.find(commit=source.known) if source.known else None
        if found is not None:  # no need to ask the source
            return _adopted(found, volume, keep)
        try:
            listing = source.listing()
        except FetchError as error:
            return _without_the_source(volume, asked, error, keep)
        found = volume.find(commit=listing.commit)
        if found is not None:
            volume.tidy()
            return _adopted(found, volume, keep)
        collecting.collect(volume.folder, keep.beside_a_new_one())
        return _download(asked, listing, volume=volume, source=source, progress=progress)


def _download(
    asked: FetchSpec, listing: Listing, *, volume: Volume, source: Source, progress: Progress
) -> Result:
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


def _without_the_source(volume: Volume, asked: FetchSpec, error: FetchError, keep: Keep) -> Result:
    """Adopt what was fetched before when the source is away; what it refuses stays refused."""
    found = None
    if error.reason in {Reason.SOURCE_UNREACHABLE, Reason.SOURCE_BUSY}:
        found = volume.find_any(asked.source.revision)
    if found is None:
        raise error
    result = _adopted(found, volume, keep)
    result.warnings.append("source unreachable; adopted")
    return result


def _adopted(found: Published, volume: Volume, keep: Keep) -> Result:
    collecting.collect(volume.folder, keep.and_protect(found.manifest.digest))
    return Result("Adopted", found.manifest, 0, list(found.warnings))


def _client(allowed: Allowed) -> httpx.Client:
    context = trusting(os.environ.get("SOURCE_CA_FILE"))
    return httpx.Client(transport=Vetted(allowed, context=context), timeout=_TIMEOUT)


def _key(uri: str, commit: str) -> str:
    """Name the staging folder of a source at a commit, so that a new commit does not go on with old bytes."""
    canonical = json.dumps({"commit": commit, "uri": uri}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _failed(progress: Progress, reason: Reason, message: str, *, retry_after: float | None = None) -> int:
    progress.state(State.FAILED)
    log.error("%s: %s", reason.text, message)
    asked = {} if retry_after is None else {"retryAfter": round(retry_after)}
    _tell({"reason": reason.text, "message": message, **asked})
    return reason.exit_code


def _tell(fields: dict[str, object]) -> None:
    line = outcome.message_of(fields)
    print(line, flush=True)
    outcome.leave_message(line)
