"""P: personal data in what a predictor leaves behind: its log, metrics, traces and whatever it writes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ...integration.otlp_receiver import receiving
from ...predictors.conftest import Gateway, Process, publish
from ...predictors.conftest import serve as serve  # noqa: PLC0414  a fixture
from ..conftest import Attack
from ..planted import MARK, files_in, places_of, planted

MANY = 50
MODEL = "tiny-en"


def send(client: httpx.Client, text: str) -> str:
    """Send a text every way there is, good and bad; all that was answered."""
    infer, predict = f"/v2/models/{MODEL}/infer", f"/v1/models/{MODEL}:predict"

    def v2(*texts: object, **changes: Any) -> dict[str, Any]:
        named = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}
        return {"id": MARK, "inputs": [named | changes]}

    answers = [
        client.post(infer, json=v2(text)),
        client.post(infer, json=v2(text, text)),
        client.post(infer, json=v2(text), headers={"X-Deadline-Ms": "0"}),
        client.post(infer, json=v2(text), headers={"X-Deadline-Ms": f"{text!a}"}),
        client.post(infer, json=v2(text), headers={"Authorization": f"Bearer {text!a}"}),
        client.post(infer, json=v2(text, datatype=text)),
        client.post(infer, json=v2(text, name=text)),
        client.post(infer, json=v2({text: text})),
        client.post(infer, json=v2(*[text] * 5000)),
        client.post(infer, content=text.encode()),
        client.post(predict, json={"instances": [text, {"text": text}]}),
        client.post(predict, json={"instances": [text]}),
        client.post(predict, json={text: [text]}),
        client.post(f"/v1/models/{text[:40]}:predict", json={"instances": [text]}),
        client.get(f"/v2/models/{text[:40]}"),
    ]
    return "".join(answer.text for answer in answers)


def test_p1c_personal_data_in_what_a_predictor_leaves(
    attack: Attack, serve: Callable[..., Process], tmp_path: Path
) -> None:
    gateway, home = Gateway(), tmp_path / "home"
    home.mkdir()
    (tmp_path / "tls.crt").write_bytes(gateway.public_pem())
    sentences, token = planted(MANY), gateway.token()
    with (
        attack(
            "P1c", "planted identity numbers, phones, mails and names, and a token, in what a predictor left"
        ) as row,
        receiving() as traces,
    ):
        process = serve(
            publish(tmp_path / "volume"),
            *("--trust", tmp_path / "tls.crt", "--drain", "0"),
            environment={"HOME": str(home), "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "LOG_LEVEL": "DEBUG"},
        )
        process.until_ready()
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": MARK}
        with process.client(headers=headers) as client:
            answers = "".join(send(client, one.text) for one in sentences)
            metrics = client.get("/metrics").text
        traces.until(lambda spans: len(spans) > MANY)
        time.sleep(1.0)  # its last lines
        left = {
            "log": process.log.read_text(),
            "metrics": metrics,
            "traces": traces.raw.decode("utf-8", "replace"),
            **{f"volume: {place}": text for place, text in files_in(tmp_path / "volume").items()},
            **files_in(home),
        }
        words = [*(word for one in sentences for word in one.words), token, token.rpartition(".")[2]]
        row.tried = len(words) * len(left)
        row.got_through = len(places_of(words, left))
        marked = {place for place, _ in places_of([MARK, MODEL], left)}
        assert marked >= {"log", "metrics", "traces"}
        row.figure = f"{len(left)} places, {len(left['log'].splitlines())} lines of log"
        row.control = (
            f"the model's or a request's name is found in {len(marked)} of the places; "
            f"the answers hold {len(places_of(words, {'': answers}))} of {len(words)}"
        )
