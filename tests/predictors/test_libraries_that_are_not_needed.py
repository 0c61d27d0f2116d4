"""What a predictor runs without: pandas and a client of the cluster, which kserve imports, and what sends
traces, where nobody collects them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {"pandas", "kubernetes", "opentelemetry.sdk", "opentelemetry.exporter"}:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Blocked())
"""


def test_both_protocols_metrics_and_probes_need_none_of_them(
    serve: Callable[..., Any], revision: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    process = serve(revision, "--no-auth", environment={"PYTHONPATH": str(tmp_path)})
    process.until_ready()
    given = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["We agree."]}
    with process.client() as client:
        v1 = client.post("/v1/models/tiny-en:predict", json={"instances": ["We agree."]})
        v2 = client.post("/v2/models/tiny-en/infer", json={"inputs": [given]})
        assert v1.json()["predictions"][0]["label"] == "consent"
        assert v2.json()["outputs"][0]["data"] == [0]
        assert client.post("/v2/models/tiny-en/infer", json={"inputs": [7]}).status_code == 400
        told = (
            "/", "/metrics", "/v1/models", "/v1/models/tiny-en", "/v2", "/v2/models",
            "/v2/models/tiny-en", "/v2/models/tiny-en/ready", "/v2/health/live", "/v2/health/ready",
        )  # fmt: skip
        assert {path: client.get(path).status_code for path in told} == dict.fromkeys(told, 200)
    assert process.terminate() == 0
