"""A claim is deleted under a Model that is served."""

from ..e2e.cluster import condition, eventually, get, kubectl
from ..e2e.parts import owned, predictor, ready_pods
from .models import like, ready, remade, served
from .rows import Load


def test_the_claim_is_deleted(load: Load) -> None:
    with load, served(like("consent-vi", "landless-vi")) as name:
        row = load.row(
            "claim-deleted", "the claim of a served Model is deleted, and later its pod",
            "answers until the pod goes, and says so; then a new claim is filled by itself",
        )  # fmt: skip
        claim = f"{name}-model"
        before = get("pvc", claim)["metadata"]["uid"]
        kubectl("delete", "pvc", claim, "--wait=false")
        row.struck()
        eventually(lambda: condition(name, "Ready")["reason"] == "VolumePending", "it is told", 60)
        assert condition(name, "Servable")["status"] == "True"
        assert ready_pods(predictor(name)), "it still answers"
        row.saw(f"VolumePending after {row.after()} s, Servable")
        kubectl("delete", "pods", "-l", predictor(name), "--wait=false")
        kubectl("delete", "jobs", "-l", owned(name), "--wait=false")
        row.mended()

        eventually(lambda: remade("pvc", claim, before), "another claim is there", 180)
        ready(name, 300)
        row.healed()
