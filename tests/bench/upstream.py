"""A predictor that takes no time: what is measured before it is all the gateway's. `upstream.py PORT`."""

import json
import sys
from typing import Any

import uvicorn

LABELS = 8


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer V2 for as many texts as were asked for."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    asked = json.loads(body)
    n = len(asked["inputs"][0]["data"])
    row = [0.3] + [0.1] * (LABELS - 1)
    outputs = [
        {"name": "category_id", "shape": [n], "datatype": "INT64", "data": [0] * n},
        {"name": "probabilities", "shape": [n, LABELS], "datatype": "FP32", "data": row * n},
        {"name": "tokens", "shape": [n], "datatype": "INT64", "data": [9] * n},
        {"name": "truncated", "shape": [n], "datatype": "BOOL", "data": [False] * n},
    ]
    said = {"model_name": scope["path"].split("/")[3], "id": asked["id"], "outputs": outputs}
    data = json.dumps({**said, "parameters": {"model_revision": "5" * 64}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": data})


if __name__ == "__main__":
    uvicorn.run(answer, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
