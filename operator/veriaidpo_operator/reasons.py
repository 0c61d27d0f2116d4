"""Reasons of conditions and events.

A reason is one stable word for programs; its sentence (sentences.py) tells a person what is so and what to
do next. The reasons that a fetch Job ends with are the fetch program's own words (its exit codes bear the
same names).
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a condition is as it is."""

    # on the way
    PENDING = "Pending"
    SUSPENDED = "Suspended"
    INVALID_SPEC = "InvalidSpec"
    CREATING = "Creating"
    QUEUED = "Queued"
    FETCH_STARTING = "FetchStarting"
    FETCH_STOPPING = "FetchStopping"
    RESOLVING = "Resolving"
    DOWNLOADING = "Downloading"
    VERIFYING = "Verifying"
    PUBLISHING = "Publishing"
    WAITING_FOR_REVISION = "WaitingForRevision"
    ROLLING_OUT = "RollingOut"
    REPLACING = "Replacing"
    # all is well
    FETCHED = "Fetched"
    SOURCE_AWAY = "SourceAway"
    VERIFIED = "Verified"
    NOT_REQUESTED = "NotRequested"
    PREDICTOR_READY = "PredictorReady"
    SERVING = "Serving"
    AS_EXPECTED = "AsExpected"
    # the volume
    VOLUME_PENDING = "VolumePending"
    VOLUME_LOST = "VolumeLost"
    CLAIM_MISSING = "ClaimMissing"
    STORAGE_CLASS_MISSING = "StorageClassMissing"
    VOLUME_READ_ONLY = "VolumeReadOnly"
    EXPANSION_REFUSED = "ExpansionRefused"
    NAME_CONFLICT = "NameConflict"
    # pods, whatever they run
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    MOUNT_FAILED = "MountFailed"
    CONTAINER_CONFIG = "ContainerConfigError"
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    CRASHING = "Crashing"
    POD_REFUSED = "PodRefused"
    REFUSED = "Refused"
    QUOTA_EXCEEDED = "QuotaExceeded"
    # the fetch
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    SOURCE_UNAUTHORIZED = "SourceUnauthorized"
    SOURCE_NOT_FOUND = "SourceNotFound"
    SOURCE_UNREACHABLE = "SourceUnreachable"
    SOURCE_BUSY = "SourceBusy"
    SOURCE_REFUSED = "SourceRefused"
    EMPTY_SOURCE = "EmptySource"
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    LABELS_MISMATCH = "LabelsMismatch"
    UNSUPPORTED_FORMAT = "UnsupportedFormat"
    OUT_OF_SPACE = "OutOfSpace"
    INTERNAL = "Internal"
    # serving
    RUNTIME_UNAVAILABLE = "RuntimeUnavailable"
    RUNTIME_DOWN = "RuntimeDown"
    PINNED = "Pinned"
    CONVERTED = "Converted"
    GATE_FAILED = "GateFailed"
    REVISION_DAMAGED = "RevisionDamaged"
    REVISION_UNKNOWN = "RevisionUnknown"
    GOLDEN_SENTENCE_FAILED = "GoldenSentenceFailed"
    ROLLOUT_STALLED = "RolloutStalled"
    PREDICTOR_NOT_READY = "PredictorNotReady"


SLOW = frozenset(
    {
        Reason.CHECKSUM_MISMATCH,
        Reason.LABELS_MISMATCH,
        Reason.UNSUPPORTED_FORMAT,
        Reason.SOURCE_REFUSED,
        Reason.INVALID_SPEC,
    }
)
"""Fetch failures that only a change of the Model or its source will end: tried again seldom."""

REFUSED_BYTES = frozenset({Reason.CHECKSUM_MISMATCH, Reason.LABELS_MISMATCH, Reason.UNSUPPORTED_FORMAT})
"""Fetch failures that mean: the bytes came and were not accepted."""


def known(word: str) -> Reason:
    """Return the reason of that name; a word that a newer operator wrote counts as Internal."""
    try:
        return Reason(word)
    except ValueError:
        return Reason.INTERNAL


def from_fetch(word: str) -> Reason:
    """Return the reason a fetch ended with; a word that is not known counts as Internal."""
    return Reason(word) if word in FETCH_WORDS else Reason.INTERNAL


EXIT_CODES = {
    2: Reason.INVALID_SPEC, 11: Reason.SOURCE_UNAUTHORIZED, 12: Reason.SOURCE_NOT_FOUND,
    13: Reason.SOURCE_UNREACHABLE, 14: Reason.EMPTY_SOURCE, 15: Reason.CHECKSUM_MISMATCH,
    16: Reason.LABELS_MISMATCH, 17: Reason.OUT_OF_SPACE, 18: Reason.UNSUPPORTED_FORMAT,
    19: Reason.SOURCE_REFUSED, 20: Reason.VOLUME_READ_ONLY,
    21: Reason.SOURCE_BUSY,
}  # fmt: skip
"""What a fetch ended of, by the exit code of its pod; any other code is Internal."""

FETCH_WORDS = frozenset({*EXIT_CODES.values(), Reason.INTERNAL})
