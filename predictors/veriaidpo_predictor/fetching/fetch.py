"""The fetch command: source -> staging -> verified -> published, or adopted where it already is.

A fetch may be killed at any point and started again: it goes on where the last one was. Two at once take
turns.
"""

import logging
import os
from dataclasses import replace
from pathlib import Path

import httpx

from veriaidpo_predictor import calibration, outcome, verdict
from veriaidpo_predictor.fetching import (
    collecting,
    downloading,
    recipes,
    sources,
    spec,
    staging,
)
from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.collecting import Keep
from veriaidpo_predictor.fetching.connection import Vetted, trusting
from veriaidpo_predictor.fetching.progress import Progress, State, told
from veriaidpo_predictor.fetching.publishing import Published, Result, Volume
from veriaidpo_predictor.fetching.source import Patience, Source
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.outcome import FetchError, Reason

log = logging.getLogger("veriaidpo.fetch")

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_KEEP_ALL = Keep()
_TOLD = 20  # digests: what a termination message has room for
_LONGEST = 300  # characters, for the same reason


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
        return _failed(progress, error.reason, str(error), **_retry_after(error))
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
            **_away(result.away),
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
        return downloading.download(asked, listing, volume=volume, source=source, progress=progress)


def _without_the_source(volume: Volume, asked: FetchSpec, error: FetchError, keep: Keep) -> Result:
    """Adopt what was fetched before when the source is away; what it refuses stays refused."""
    found = None
    if error.reason in {Reason.SOURCE_UNREACHABLE, Reason.SOURCE_BUSY}:
        found = volume.find_any(asked.source.revision)
    if found is None:
        raise error
    told = str(error)[:_LONGEST]
    made = found.manifest
    if not recipes.would_be_made_again(made, asked):
        told += f" Revision {made.digest[:12]} was made otherwise than it would be now: "
        told += f"recipe {made.recipe}, class {made.cpu_class} of processors."
    away = FetchError(error.reason, told, retry_after=error.retry_after)
    return replace(_adopted(found, volume, keep), away=away)


def _adopted(found: Published, volume: Volume, keep: Keep) -> Result:
    collecting.collect(volume.folder, keep.and_protect(found.manifest.digest))
    return Result("Adopted", found.manifest, 0, list(found.warnings))


def _client(allowed: Allowed) -> httpx.Client:
    context = trusting(os.environ.get("SOURCE_CA_FILE"))
    return httpx.Client(transport=Vetted(allowed, context=context), timeout=_TIMEOUT)


def _away(error: FetchError | None) -> dict[str, object]:
    """Tell why the source could not be asked, where another revision stands in for that."""
    return {} if error is None else {"sourceAway": str(error), **_retry_after(error)}


def _retry_after(error: FetchError) -> dict[str, int]:
    """Tell for how many seconds the source asked to be left alone, if it did."""
    return {} if error.retry_after is None else {"retryAfter": round(error.retry_after)}


def _failed(progress: Progress, reason: Reason, message: str, **more: int) -> int:
    progress.state(State.FAILED)
    log.error("%s: %s", reason.text, message)
    _tell({"reason": reason.text, "message": message, **more})
    return reason.exit_code


def _tell(fields: dict[str, object]) -> None:
    line = outcome.message_of(fields)
    print(line, flush=True)
    outcome.leave_message(line)
