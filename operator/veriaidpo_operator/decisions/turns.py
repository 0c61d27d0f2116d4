"""Whose turn it is to download: which Jobs of other Models hold one of the places. Pure."""

from datetime import datetime

from veriaidpo_operator.decisions.pods import DOWNLOAD, trouble
from veriaidpo_operator.objects.children import Job, Pod
from veriaidpo_operator.settings import Settings


def holds_a_place(job: Job, pods: tuple[Pod, ...], settings: Settings, now: datetime) -> bool:
    """Tell whether a Job downloads, or will as soon as its pod has started.

    One whose pod cannot be made or started keeps nobody waiting: it may stand so until its deadline, an hour
    by default. One whose image still comes holds its place, or a first install would start all at once.
    """
    if not job.live:
        return False
    mine = [pod for pod in pods if pod.job == job.uid]
    if not mine:
        return not job.waiting_for_pods
    newest = max(mine, key=lambda pod: pod.created)
    # Between two attempts of a Job its last pod has failed, and the next is about to come.
    return newest.phase != "Pending" or trouble(newest, limits=DOWNLOAD, now=now, settings=settings) is None
