"""What keeps a pod from starting is read from its events: the newest says how it is now."""

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects import events


def told(*reasons: str) -> list[Json]:
    """Give an event of each reason, a second apart; the kubelet says Warning of what fails."""
    return [
        {
            "reason": reason,
            "type": "Warning" if reason.startswith("Failed") else "Normal",
            "message": f"it is {reason}",
            "lastTimestamp": f"2026-01-01T00:00:{second:02}Z",
        }
        for second, reason in enumerate(reasons)
    ]


@pytest.mark.parametrize(
    ("reasons", "unmounted"),
    [
        ([], ""),
        (["Scheduled", "FailedMount"], "it is FailedMount"),
        (["FailedAttachVolume", "Scheduled"], "it is FailedAttachVolume"),
        # A complaint about something else, and one that the pod has got over while its image comes.
        (["FailedScheduling", "Scheduled", "Pulling"], ""),
        (["FailedToRetrieveImagePullSecret"], ""),
        (["FailedMount", "Pulling"], ""),
        (["FailedMount", "Pulled", "Created", "Started"], ""),
        (["Pulling", "FailedMount"], "it is FailedMount"),
    ],
)
def test_a_volume_that_cannot_be_mounted(reasons: list[str], unmounted: str) -> None:
    assert events.unmounted(told(*reasons)) == unmounted
    assert events.unmounted(reversed(told(*reasons))) == unmounted


def test_a_place_that_cannot_be_made() -> None:
    assert (
        events.without_sandbox(told("Scheduled", "FailedCreatePodSandBox")) == "it is FailedCreatePodSandBox"
    )
    assert events.without_sandbox(told("FailedCreatePodSandBox", "Pulled")) == ""


def test_complaints_come_newest_first() -> None:
    assert events.complaints(told("FailedA", "Normal", "FailedB")) == ("it is FailedB", "it is FailedA")
    assert events.complaints(told("FailedBinding", "WaitForFirstConsumer")) == ("it is FailedBinding",)
    normal = [{**event, "type": "Normal"} for event in told("FailedBinding")]
    assert events.complaints(normal) == ()
    assert events.complaints(normal, also="FailedBinding") == ("it is FailedBinding",)
