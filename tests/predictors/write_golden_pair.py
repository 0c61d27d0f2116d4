"""Writes tests/contract/v2_infer.json anew when the demonstration model was trained anew.

Ask a running predictor (`veriaidpo-predictor serve … --no-auth`) that has principles-vi:
    .venv/predictors/bin/python tests/predictors/write_golden_pair.py http://127.0.0.1:8080
"""

import json
import sys
from pathlib import Path

import httpx

PAIR = Path(__file__).parents[1] / "contract" / "v2_infer.json"


def main(url: str) -> None:
    """Keep the request and take the response that the predictor gives it now."""
    request = json.loads(PAIR.read_bytes())["request"]
    response = httpx.post(f"{url}/v2/models/principles-vi/infer", json=request, trust_env=False)
    response.raise_for_status()
    body = json.dumps({"request": request, "response": response.json()}, ensure_ascii=False, indent=2)
    PAIR.write_text(body + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
