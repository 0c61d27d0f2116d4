"""A custom predictor as KServe's documentation shows one: a transformers pipeline inside a kserve.Model.

    plain_kserve.py FOLDER PORT

Runs in the environment peer-kserve. Nothing is tuned, and nothing is spoilt: torch's own number of threads,
no gradient, one sentence or several a call.
"""

import sys
from typing import Any

from kserve import Model, ModelServer  # type: ignore[import-not-found]
from transformers import pipeline  # type: ignore[import-not-found]


class Plain(Model):  # type: ignore[misc]
    """Answers V1: the scores of all labels for each instance."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self._pipeline = pipeline("text-classification", model=folder, top_k=None, device="cpu")
        self.ready = True

    def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Answer a request."""
        return {"predictions": self._pipeline(payload["instances"], truncation=True)}


if __name__ == "__main__":
    _folder, _port = sys.argv[1:]
    sys.argv[1:] = []  # kserve reads the command line, too
    ModelServer(http_port=int(_port), enable_grpc=False, workers=1).start([Plain("plain", _folder)])
