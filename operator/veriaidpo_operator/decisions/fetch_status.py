"""What the status says of the fetch: progress, what it brought, and what is on the volume since. Pure."""

from veriaidpo_operator.decisions.fetch_failures import asked_for
from veriaidpo_operator.decisions.fetching import Phase, pause
from veriaidpo_operator.decisions.revisions import same_volume
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.objects.fetch_words import FetchResult
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.recorded import DownloadStatus, Revision, SourceAway

_MOST = 24


def fields(s: Situation) -> dict[str, object]:
    """Return the fields the fetch has a say in."""
    fetch, old = s.fetch, s.model.status
    if fetch.result is not None:
        result = fetch.result
        return {
            "fetched_by": fetch.name,
            "fetched_revision": result.digest,
            "source_away": _away(s, result),
            "claim_uid": s.observed.claim.uid if s.observed.claim else None,
            "conversion": result.conversion,
            "calibration": result.calibration,
            "resolved_commit": result.commit,
            "format": result.format or old.format,
            "revisions": _revisions(s),
            "progress": "100%",
            "download": DownloadStatus(
                bytes_total=result.bytes_total,
                bytes_done=result.bytes_total,
                percent=100,
                attempt=fetch.attempt,
                job=fetch.name,
            ),
        }
    if fetch.phase in {Phase.RUNNING, Phase.FAILED} and not fetch.unnoticed:
        return _progress(s)
    if fetch.phase is Phase.DONE:  # maybe the spec came back to what had been fetched before
        same = old.download is not None and old.download.job == fetch.name
        return {
            "progress": "100%",
            "download": old.download if same else DownloadStatus(percent=100, job=fetch.name),
        }
    return {}


def _away(s: Situation, result: FetchResult) -> SourceAway | None:
    """Return that the source could not be asked, and when it is asked again; None when it answered."""
    if not result.source_away:
        return None
    own = pause(Reason.SOURCE_UNREACHABLE, s.fetch.attempt, s.settings.fetch_retry_seconds)
    return SourceAway(
        job=s.fetch.name,
        attempt=s.fetch.attempt,
        time=s.now,
        retry_at=s.now + max(own, asked_for(result)),
        message=result.source_away,
    )


def _revisions(s: Situation) -> tuple[Revision, ...]:
    """Return what is on the volume now, the newest first."""
    result, status = s.fetch.result, s.model.status
    if result is None or result.digest is None:
        return status.revisions
    before = status.revisions if same_volume(status, s.observed) else ()
    known = {r.digest: r for r in before}
    there = result.revisions if result.revisions is not None else tuple(known)
    others = (known.get(digest) or Revision(digest=digest) for digest in there if digest != result.digest)
    return (_written(s, result, known.get(result.digest)), *others)[:_MOST]


def _written(s: Situation, result: FetchResult, before: Revision | None) -> Revision:
    """Return the revision that a fetch brought, or found."""
    again = before is None or result.reason == "Published"
    return Revision(
        digest=str(result.digest),
        commit=result.commit,
        size_bytes=result.size_bytes,
        format=result.format,
        published_at=before.published_at if before and before.published_at else s.now,
        served_at=before.served_at if before else None,
        repairs=s.model.status.repairs if again or before is None else before.repairs,
    )


def _progress(s: Situation) -> dict[str, object]:
    fetch, progress, before = s.fetch, s.observed.progress, s.model.status.download
    if progress is None or progress.bytes_total is None:
        # The pod does not answer while it starts and ends: what the same Job has done stays said.
        same = before if before is not None and before.job == fetch.name else DownloadStatus()
        download = same.model_copy(update={"job": fetch.name, "attempt": fetch.attempt})
        return {"download": download, "progress": f"{download.percent or 0}%"}
    done = progress.bytes_done or 0
    percent = min(100, int(100 * done / progress.bytes_total)) if progress.bytes_total else 100
    return {
        "download": DownloadStatus(
            bytes_total=progress.bytes_total,
            bytes_done=done,
            percent=percent,
            bytes_per_second=_whole(progress.bytes_per_second),
            remaining_seconds=_whole(progress.remaining_seconds),
            attempt=fetch.attempt,
            job=fetch.name,
        ),
        "progress": f"{percent}%",
    }


def _whole(number: float | None) -> int | None:
    return None if number is None else max(0, round(number))
