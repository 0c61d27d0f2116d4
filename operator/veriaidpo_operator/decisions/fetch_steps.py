"""What a running fetch is doing, as its pod tells of it. Pure."""

from veriaidpo_operator.api import Model
from veriaidpo_operator.decisions.pods import Trouble
from veriaidpo_operator.objects.fetch_words import Progress
from veriaidpo_operator.objects.observed import Observed
from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.sentences import Phrase, Sentences

_STATES = {
    "Resolving": Reason.RESOLVING,
    "Downloading": Reason.DOWNLOADING,
    "Verifying": Reason.VERIFYING,
    "Publishing": Reason.PUBLISHING,
    "Done": Reason.PUBLISHING,
}


def step(model: Model, observed: Observed, say: Sentences) -> Trouble:
    """Return the step that the fetch pod says it is at; asking its source, before it says anything."""
    progress = observed.progress
    reason = _STATES.get(progress.state, Reason.RESOLVING) if progress else Reason.RESOLVING
    source = model.spec.source
    return Trouble(
        reason, say(reason, uri=source.uri, revision=source.revision, progress=_progress(progress, say))
    )


def _progress(progress: Progress | None, say: Sentences) -> str:
    if progress is None or not progress.bytes_total:
        return say(Phrase.STARTING)
    total = _size(progress.bytes_total)
    parts = [say(Phrase.PERCENT, percent=round(progress.percent or 0), total=total)]
    if progress.bytes_per_second:
        parts.append(say(Phrase.RATE, rate=_size(progress.bytes_per_second)))
    if progress.remaining_seconds is not None:
        parts.append(say(Phrase.LEFT, seconds=round(progress.remaining_seconds)))
    return ", ".join(parts)


def _size(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"
