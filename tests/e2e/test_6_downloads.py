"""A download goes on whatever happens to the operator: its successor finishes what it began."""

from .cluster import eventually, get, hub_bytes, kubectl, wait_ready
from .downloads import BYTES_PER_SECOND, REPOSITORY, every_job_ever, stages
from .models import apply_model, hub_arguments, sample, source
from .parts import OPERATOR, kill, predictor, ready_pods, replaced
from .traffic import Traffic

NAME = "slowly-vi"


def test_the_operator_is_killed_at_each_stage_of_a_download(traffic: Traffic) -> None:
    slowly = sample(NAME, source=source(REPOSITORY))
    with (
        hub_arguments(f"--rate={BYTES_PER_SECOND}"),
        every_job_ever(NAME) as made,
        traffic,
        apply_model(slowly),
    ):
        for what, reached in stages(NAME):
            eventually(reached, what, 120)
            replaced(OPERATOR, kill(OPERATOR))
        wait_ready(NAME)
        total = get("model", NAME)["status"]["download"]["bytesTotal"]
        assert hub_bytes(REPOSITORY) == total, "every byte was sent once"
        assert len(ready_pods(predictor(NAME))) == 1
    assert traffic.failed() == []
    assert len(made) == 1, "one Job in all"
    kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=60s")
