"""A revision fetched before stands in while the source is away, which is asked until it answers. Pure.

The Job that asks has the name of the one that found the source away, and another number of attempt. Until it
has told how much it will download, what stands in may well be what the source has, and nobody need notice.
"""

from datetime import datetime

from veriaidpo_operator.objects.children import Job
from veriaidpo_operator.objects.fetch_words import Progress
from veriaidpo_operator.recorded import SourceAway, Status


def reason(status: Status, fetch: str) -> SourceAway | None:
    """Return why a revision stands in for what the fetch of that name should have brought, if one does."""
    away = status.source_away
    return away if away is not None and away.job == fetch else None


def remembered(status: Status, fetch: str, away: SourceAway | None) -> int:
    """Return the number of the last attempt of that fetch that status tells of."""
    download = status.download
    told = download.attempt if download and download.job == fetch else None
    return max(told or 1, away.attempt if away else 1)


def rests(away: SourceAway, job: Job | None, attempt: int, now: datetime) -> bool:
    """Tell whether the source is not being asked again yet; attempt: that of the Job, if there is one."""
    if job is None:
        return now < away.retry_at
    return attempt <= away.attempt and not job.deleting


def begun(away: SourceAway, status: Status, attempt: int, progress: Progress | None) -> bool:
    """Tell whether an attempt, since the source was found away, has begun to download something else."""
    if attempt <= away.attempt:
        return False
    download = status.download
    if download is not None and (download.job, download.attempt) == (away.job, attempt):
        return True
    return progress is not None and progress.bytes_total is not None
