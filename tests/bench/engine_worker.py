"""One engine in a process of its own, asked line by line.

    engine_worker.py LIBRARY FILE THREADS [OPTION ...]

Runs in the environment peer-engines. A line of standard input is JSON, and so is its answer: `{"runs": n,
"batch": b, "tokens": t}` gives the CPU and wall seconds of each run, `{"texts": [...]}` the probabilities of
one padded batch.
"""

# ruff: noqa: PLC0415 (each library is loaded by whoever needs it)

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np  # type: ignore[import-not-found]

Array = Any
Run = Callable[[Array, Array], Array]
"""Ids and mask, int64 [batch, sequence], to logits, float32 [batch, labels]."""
_MAX_TOKENS = 256
_WORDS = range(5, 2_000)
"""Ids that every vocabulary has."""


def main(library: str, file: Path, threads: int, options: Sequence[str]) -> None:
    """Load, say so, and answer until the input ends."""
    loaders = {"torch": _torch, "onnxruntime": _onnxruntime, "product": _product, "openvino": _openvino}
    run = loaders[library](file, threads, set(options))
    source = file if library == "torch" else file.parents[1] / "source"
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _answers(run, asked["texts"], source) if "texts" in asked else _timed(run, asked)
        print(json.dumps(answer), flush=True)


def _timed(run: Run, asked: dict[str, int]) -> dict[str, Any]:
    ids = np.random.default_rng(1).integers(_WORDS.start, _WORDS.stop, (asked["batch"], asked["tokens"]))
    mask = np.ones_like(ids)
    run(ids, mask)
    cpu, wall = [], []
    for _ in range(asked["runs"]):
        began, used = time.perf_counter(), time.process_time()
        run(ids, mask)
        cpu.append(time.process_time() - used)
        wall.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu": cpu, "wall": wall, "peak_mb": round(peak * 1024 / 1e6)}


def _answers(run: Run, texts: Sequence[str], source: Path) -> list[list[float]]:
    from tokenizers import Tokenizer  # type: ignore[import-not-found]

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MAX_TOKENS)
    rows = [tokenizer.encode(text).ids for text in texts]
    padding = int(json.loads((source / "config.json").read_text()).get("pad_token_id") or 0)
    ids = np.full((len(rows), max(map(len, rows))), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)], mask[number, : len(row)] = row, 1
    logits = run(ids, mask).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: list[list[float]] = (powers / powers.sum(axis=1, keepdims=True)).tolist()
    return found


def _torch(file: Path, threads: int, options: set[str]) -> Run:
    import torch  # type: ignore[import-not-found]
    import transformers  # type: ignore[import-not-found]

    torch.set_num_threads(threads)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(file).eval()
    if "int8" in options:
        network = torch.ao.quantization.quantize_dynamic(network, {torch.nn.Linear}, dtype=torch.qint8)

    def run(ids: Array, mask: Array) -> Array:
        with torch.inference_mode():
            found = network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
        return found.logits.numpy()

    return run


def _onnxruntime(file: Path, threads: int, options: set[str]) -> Run:
    import onnxruntime  # type: ignore[import-not-found]

    asked = onnxruntime.SessionOptions()
    asked.intra_op_num_threads, asked.log_severity_level = threads, 3
    asked.add_session_config_entry("session.intra_op.allow_spinning", "0")
    asked.add_session_config_entry("session.x64quantprecision", "1" if "exact" in options else "0")
    asked.add_session_config_entry("session.disable_prepacking", "1" if "mapped" in options else "0")
    asked.enable_cpu_mem_arena = False
    is_ours = bool(options)
    session = onnxruntime.InferenceSession(
        str(file), asked, providers=["CPUExecutionProvider"],
        disabled_optimizers=["SkipLayerNormFusion"] if is_ours and "fused norms" not in options else None,
    )  # fmt: skip
    names = [one.name for one in session.get_inputs()]

    def run(ids: Array, mask: Array) -> Array:
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return session.run(None, {name: given[name] for name in names})[0]

    return run


def _product(file: Path, threads: int, _options: set[str]) -> Run:
    cores, cpu, session = (
        import_module(f"veriaidpo_predictor.computing.{name}") for name in ("cores", "cpu", "session")
    )
    folder = file.parents[1]
    config = json.loads((folder / "config.json").read_text())
    engine = session.load(
        folder, graph=str(file.relative_to(folder)), labels=len(config["id2label"]),
        cores=cores.Cores(threads), is_narrow=cpu.saturates(cpu.this()),
    )  # fmt: skip

    def run(ids: Array, mask: Array) -> Array:
        rows = [row[: seen.sum()].tolist() for row, seen in zip(ids, mask, strict=True)]
        return np.asarray(engine(rows), dtype=np.float32)

    return run


def _openvino(file: Path, threads: int, options: set[str]) -> Run:
    import openvino  # type: ignore[import-not-found]

    asked: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    asked["INFERENCE_PRECISION_HINT"] = "bf16" if "bf16" in options else "f32"
    asked["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = 128 if "groups" in options else 0
    model = openvino.Core().compile_model(str(file), "CPU", asked)
    names = [one.get_any_name() for one in model.inputs]
    request = model.create_infer_request()

    def run(ids: Array, mask: Array) -> Array:
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        request.infer({name: given[name] for name in names})
        return request.get_output_tensor(0).data.copy()

    return run


if __name__ == "__main__":
    _library, _file, _threads, *_options = sys.argv[1:]
    main(_library, Path(_file), int(_threads), _options)
