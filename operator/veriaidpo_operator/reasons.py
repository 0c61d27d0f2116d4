"""Reasons of conditions and events, and the only home of their sentences.

A reason is one stable word for programs; its sentence tells a person what is so and what to do next. The
reasons that a fetch Job ends with are the fetch program's own words (its exit codes bear the same names).
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a condition is as it is."""

    # on the way
    PENDING = "Pending"
    SUSPENDED = "Suspended"
    INVALID_SPEC = "InvalidSpec"
    CREATING = "Creating"
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
    # the fetch
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    SOURCE_UNAUTHORIZED = "SourceUnauthorized"
    SOURCE_NOT_FOUND = "SourceNotFound"
    SOURCE_UNREACHABLE = "SourceUnreachable"
    SOURCE_REFUSED = "SourceRefused"
    EMPTY_SOURCE = "EmptySource"
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    LABELS_MISMATCH = "LabelsMismatch"
    UNSUPPORTED_FORMAT = "UnsupportedFormat"
    OUT_OF_SPACE = "OutOfSpace"
    INTERNAL = "Internal"
    # serving
    RUNTIME_UNAVAILABLE = "RuntimeUnavailable"
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

_SENTENCES = {
    Reason.PENDING: "The operator has not looked at this Model yet.",
    Reason.SUSPENDED: "spec.suspend is true: nothing is fetched or changed. Set it to false to go on.",
    Reason.INVALID_SPEC: (
        "This operator does not understand the Model: {detail} Update the operator, or the Model."
    ),
    Reason.CREATING: "{what} is being made.",
    Reason.FETCH_STARTING: "Fetch Job {job}, attempt {attempt}, waits for its pod to start.",
    Reason.FETCH_STOPPING: "The former fetch Job {job} is ending; the next one starts after it.",
    Reason.RESOLVING: "{uri}: asking the source which commit '{revision}' is.",
    Reason.DOWNLOADING: "{uri}: {progress}.",
    Reason.VERIFYING: "{uri}: comparing the digest of each file.",
    Reason.PUBLISHING: "{uri}: putting the revision in its place on the volume.",
    Reason.WAITING_FOR_REVISION: "Waits for a verified revision on the volume.",
    Reason.ROLLING_OUT: "Revision {revision}: {ready} of {wanted} pods are ready.",
    Reason.REPLACING: "{what} belongs to a deleted Model of this name; waits until it is gone.",
    Reason.FETCHED: "Revision {revision} is on claim {claim}, from commit {commit}.",
    Reason.VERIFIED: "Every file of revision {revision} has the digest its manifest names.",
    Reason.NOT_REQUESTED: "The model is served as it was published; no conversion was asked for.",
    Reason.PREDICTOR_READY: "{ready} of {wanted} pods answer with revision {revision}.",
    Reason.SERVING: "Revision {revision} answers at {url}.",
    Reason.AS_EXPECTED: "Nothing is wrong.",
    Reason.VOLUME_PENDING: (
        "Claim {claim} has no volume yet: {detail} See 'kubectl describe pvc {claim}'; a ReadWriteOnce "
        "volume also needs room on the one node it is on."
    ),
    Reason.VOLUME_LOST: (
        "Claim {claim} lost its volume. Delete the claim: the operator makes it again and fetches anew."
    ),
    Reason.CLAIM_MISSING: (
        "There is no claim {claim} in this namespace. Create it, or remove spec.storage.claimName to have "
        "one made."
    ),
    Reason.STORAGE_CLASS_MISSING: (
        "Claim {claim} cannot be provisioned: {detail} Name an existing class in "
        "spec.storage.create.storageClassName (see 'kubectl get storageclass'), then delete the pending "
        "claim."
    ),
    Reason.NAME_CONFLICT: (
        "There is already {what}, and it was not made for this Model. Rename the Model, or remove that "
        "object."
    ),
    Reason.UNSCHEDULABLE: (
        "Pod {pod} finds no node: {detail} Free room, or lower the Model's resource requests."
    ),
    Reason.IMAGE_UNAVAILABLE: (
        "Pod {pod} cannot get its image {image}: {detail} Check the image's name and tag in the chart's "
        "values, and its pull secret."
    ),
    Reason.MOUNT_FAILED: "Pod {pod} cannot start, a volume cannot be mounted: {detail}",
    Reason.CONTAINER_CONFIG: "Pod {pod} cannot start its container: {detail}",
    Reason.OOM_KILLED: (
        "Pod {pod} needed more memory than its limit and was killed. Raise "
        "spec.{section}.resources.limits.memory."
    ),
    Reason.EVICTED: "Pod {pod} was evicted: {detail} A new one is started.",
    Reason.CRASHING: "Pod {pod} ends again and again: {detail} See 'kubectl logs {pod} --previous'.",
    Reason.POD_REFUSED: "No pod can be made: {detail}",
    Reason.DEADLINE_EXCEEDED: (
        "The fetch took longer than spec.download.activeDeadlineSeconds ({deadline} s). The next one goes "
        "on where this one stopped; raise the deadline if the source is slow."
    ),
    Reason.SOURCE_UNAUTHORIZED: (
        "{detail} Put a token that may read {uri} into a Secret and name it in spec.source.authSecret."
    ),
    Reason.SOURCE_NOT_FOUND: (
        "{detail} Check spec.source.uri ({uri}) and spec.source.revision ('{revision}')."
    ),
    Reason.SOURCE_UNREACHABLE: "{detail} Check the hub's address, DNS, proxy and network policies.",
    Reason.SOURCE_REFUSED: "{detail} This source is not allowed; change it.",
    Reason.EMPTY_SOURCE: "{detail} {uri} at '{revision}' holds nothing that can be served.",
    Reason.CHECKSUM_MISMATCH: (
        "{detail} The bytes are not what was promised and are not served. Check spec.source.files and the "
        "source."
    ),
    Reason.LABELS_MISMATCH: (
        "{detail} spec.labels has to agree with the model's config.json: correct spec.labels, or the model."
    ),
    Reason.UNSUPPORTED_FORMAT: (
        "{detail} Publish the model as onnx/model.onnx, or as model.safetensors of the BERT, RoBERTa or "
        "XLM-RoBERTa family, with its tokenizer."
    ),
    Reason.OUT_OF_SPACE: "{detail} Grow claim {claim}, or remove old revisions from it.",
    Reason.INTERNAL: "The fetch failed: {detail} See 'kubectl logs job/{job}'.",
    Reason.RUNTIME_UNAVAILABLE: (
        "KServe's InferenceService is not known to this cluster. Install KServe; the model then serves by "
        "itself."
    ),
    Reason.REFUSED: "The API server refused {what}: {detail}",
    Reason.ROLLOUT_STALLED: (
        "Revision {revision} did not become ready in time; {ready} of {wanted} pods are ready: {detail}"
    ),
    Reason.PREDICTOR_NOT_READY: "Revision {revision}: {ready} of {wanted} pods are ready. {detail}",
}

_FACTS = frozenset(
    {"detail", "what", "uri", "revision", "claim", "pod", "job", "image", "section", "progress"}
)


def sentence(reason: Reason, **facts: object) -> str:
    """Return the reason's sentence with these facts in it, one line, at most 1,000 characters."""
    known = dict.fromkeys(_FACTS, "") | {
        name: full_stop(str(value)) if name == "detail" else value for name, value in facts.items()
    }
    return " ".join(_SENTENCES[reason].format(**known).split())[:1000]


def full_stop(text: str) -> str:
    """Return foreign text as one line that ends a sentence; long text is cut to 400 characters."""
    line = " ".join(text.split())[:400]
    return line if not line or line[-1] in ".!?" else line + "."


def from_fetch(word: str) -> Reason:
    """Return the reason a fetch ended with; a word that is not known counts as Internal."""
    return Reason(word) if word in FETCH_WORDS else Reason.INTERNAL


FETCH_WORDS = frozenset(
    {
        "SourceUnauthorized", "SourceNotFound", "SourceUnreachable", "SourceRefused", "EmptySource",
        "ChecksumMismatch", "LabelsMismatch", "UnsupportedFormat", "OutOfSpace", "InvalidSpec", "Internal",
    }
)  # fmt: skip
