"""Old revisions that leave the volume when fewer are to be kept, without waiting for the next fetch. Pure."""

from datetime import timedelta

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions.actions import Action, Create, Delete
from veriaidpo_operator.decisions.fetching import Phase
from veriaidpo_operator.decisions.revisions import same_volume
from veriaidpo_operator.decisions.situation import Situation
from veriaidpo_operator.objects import jobs
from veriaidpo_operator.objects.claims import digest
from veriaidpo_operator.recorded import Revision, Status

_TRIED_AGAIN = timedelta(minutes=10)
"""A Job that failed stays for so long, to be looked at, and makes room for another."""


def surplus(model: Model) -> tuple[str, ...]:
    """Return the revisions beyond spec.revisionHistoryLimit that nothing needs."""
    there = (revision.digest for revision in model.status.revisions[model.spec.revision_history_limit :])
    kept = jobs.protected(model)
    return tuple(one for one in there if one not in kept)


def job_name(s: Situation) -> str:
    """Return the name of the Job that takes them off the volume; empty while there is none to be done.

    It comes when nothing else is going on: a fetch would do the same, and a rollout may have to go back.
    """
    gone, claim = surplus(s.model), s.observed.claim
    is_quiet = s.fetch.phase in {Phase.DONE, Phase.PINNED} and s.fetch.result is None and s.rolled_out
    if not gone or not is_quiet or claim is None or claim.read_only or claim.deleting:
        return ""
    if not same_volume(s.model.status, s.observed):
        return ""
    return f"{s.model.name}-collect-{digest([gone, claim.uid])[:8]}"


def collect(s: Situation, name: str) -> tuple[Action, ...]:
    """Make the Job of that name, or remove it when it failed some time ago, while no other Job runs."""
    if not name or any(job.live for job in s.observed.jobs):
        return ()
    job = s.observed.job(name)
    if job is None:
        return (Create(jobs.collect_job(s.model, s.settings, name=name)),)
    is_due = job.failed and job.ended is not None and s.now - job.ended >= _TRIED_AGAIN
    return (Delete("Job", job.name, job.uid),) if is_due and not job.deleting else ()


def collected(s: Situation, status: Status) -> tuple[Revision, ...]:
    """Return what is on the volume, from what was, once the Job has done it."""
    job = s.observed.job(job_name(s))
    if job is None or not job.succeeded or s.model.uid not in job.owners:
        return status.revisions
    gone = surplus(s.model)
    return tuple(revision for revision in status.revisions if revision.digest not in gone)
