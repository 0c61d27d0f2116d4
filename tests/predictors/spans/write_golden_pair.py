"""Writes tests/contract/v2_infer_spans.json anew, with the answer of the model that the tests make by hand.

From the root of the repository:
    .venv/predictors/bin/python tests/predictors/spans/write_golden_pair.py
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

import httpx

HERE = Path(__file__).parent
PAIR = HERE.parents[1] / "contract" / "v2_infer_spans.json"


def main() -> None:
    """Keep the request and take the response that a predictor gives it now."""
    above, here = _module(HERE.parent / "conftest.py"), _module(HERE / "conftest.py")
    request = json.loads(PAIR.read_bytes())["request"]
    with tempfile.TemporaryDirectory() as folder:
        revision = above.publish(Path(folder), content=here.files(), **here.MANIFEST)
        url = f"http://127.0.0.1:{(port := above.free_port())}"
        options = ["--no-auth", "--host", "127.0.0.1", "--port", str(port), "--drain", "0"]
        command = [sys.executable, "-m", "veriaidpo_predictor", "serve", str(revision), *options]
        with subprocess.Popen(command) as process:
            try:
                response = _ask(url, request)
            finally:
                process.terminate()
    body = json.dumps({"request": request, "response": response}, ensure_ascii=False, indent=2)
    PAIR.write_text(body + "\n", encoding="utf-8")


def _ask(url: str, request: object) -> object:
    with httpx.Client(base_url=url, trust_env=False, transport=httpx.HTTPTransport(retries=5)) as client:
        while client.get("/v2/health/ready").status_code != 200:
            time.sleep(0.1)
        response = client.post("/v2/models/company-normalizer-vi/infer", json=request)
        response.raise_for_status()
        return response.json()


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.parent.name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
