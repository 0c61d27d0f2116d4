"""Measures the int8 conversion of a fetch on models of real size, in the predictor's environment.

    int8_figures.py random FOLDER        a model of PhoBERT-base's size with random weights
    int8_figures.py convert FOLDER TO    time, peak memory and the gate's figures
    int8_figures.py memory TO [N]        PSS of N processes, and of one with N models

FOLDER is a repository as people publish them (weights, or onnx/model.onnx) with a texts.json: the `text` of
each sentence that the gate compares. What `random` makes says how long a conversion takes and
how much memory; with random weights nearly every label hangs on a rounding, so its agreement says nothing.
A tuned encoder comes from hack/demo/real_encoder.py. Not a part of `make test`.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from encoders import Size, head_of, tensors
from veriaidpo_predictor import logs, verdict
from veriaidpo_predictor.computing import cpu, session
from veriaidpo_predictor.fetching import conversion, int8_step
from veriaidpo_predictor.fetching.spec import FetchSpec, SpecConversion, SpecSource
from veriaidpo_predictor.files import GRAPH, GRAPH_FILES, WEIGHTS
from veriaidpo_predictor.golden import Label
from veriaidpo_predictor.manifest import FileEntry, TokenizerKind
from veriaidpo_predictor.tokenising import tokenise_kind

WIDTH, LAYERS, INNER, WORDS, POSITIONS, LABELS = 768, 12, 3_072, 64_001, 258, 8
GATE = 512
OPEN = verdict.Gate(min_agreement=0, max_flip_margin=1)
"""Leaves the int8 graph there, whatever it changes, so that its memory can be measured."""
GROWN = ("Rss", "Pss", "Anonymous")


def main(arguments: list[str]) -> int:
    """Run one step."""
    match arguments:
        case ["random", folder, *layers]:
            random_model(Path(folder), int(layers[0]) if layers else LAYERS)
        case ["convert", folder, to]:
            convert(Path(folder), Path(to))
        case ["memory", to, *count]:
            memory(Path(to), int(count[0]) if count else 11)
        case ["answer", *folders]:
            answer([Path(folder) for folder in folders])
        case _:
            print(__doc__)
            return 2
    return 0


def random_model(folder: Path, layers: int) -> None:
    """Write a repository with random weights: 135 M parameters with 12 layers."""
    folder.mkdir(parents=True)
    config = {
        "model_type": "roberta", "architectures": ["RobertaForSequenceClassification"], "vocab_size": WORDS,
        "hidden_size": WIDTH, "num_hidden_layers": layers, "num_attention_heads": 12,
        "intermediate_size": INNER, "max_position_embeddings": POSITIONS, "type_vocab_size": 1,
        "layer_norm_eps": 1e-5, "pad_token_id": 1, "id2label": {str(n): f"LABEL_{n}" for n in range(LABELS)},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3} | {f"w{n}": n for n in range(4, WORDS)}
    cls = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    sep = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "decoder": None,
        "post_processor": {
            "type": "TemplateProcessing", "single": [cls, {"Sequence": {"id": "A", "type_id": 0}}, sep],
            "pair": [], "special_tokens": {
                name: {"id": name, "ids": [words[name]], "tokens": [name]} for name in ("<s>", "</s>")
            },
        },
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "<unk>"},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    special = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 256}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind | special))
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{n}" for n in rng.integers(4, WORDS, rng.integers(8, 60))) for _ in range(64)]
    (folder / "texts.json").write_text(json.dumps([{"text": text, "label": "LABEL_0"} for text in texts]))
    dense = {"classifier.dense": (WIDTH, WIDTH), "classifier.out_proj": (LABELS, WIDTH)}
    shapes = tensors("roberta", Size(WIDTH, INNER, layers, WORDS, POSITIONS, types=1), dense)
    head, size = head_of(shapes)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(head)
        for name, shape in shapes.items():
            is_scale = "LayerNorm.weight" in name
            values = rng.standard_normal(shape, dtype=np.float32) * 0.04 + (1 if is_scale else 0)
            file.write(values.astype("<f4").data)
    print(f"{size / 4e6:.0f} M parameters")


def convert(folder: Path, to: Path) -> None:
    """Do what a fetch does after the download, on a copy."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_bytes())
    names = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
    texts = json.loads((to / "texts.json").read_bytes())[-GATE:]
    asked = FetchSpec(
        name="measured", model_type="measured", language="vi",
        labels=tuple(Label(id=name, en=name, vi=name) for name in names), source=SpecSource(uri="hf://a/b"),
        conversion=SpecConversion(quantization="int8", gate=OPEN),
        gate_sentences=tuple(one["text"] for one in texts),
    )  # fmt: skip
    kind = kind_of(to)
    files: dict[str, FileEntry] = {}
    started = time.monotonic()
    if not (to / GRAPH).exists():
        files[WEIGHTS] = FileEntry(sha256="0" * 64, size=0)
        conversion.replace(to, asked, files)
    print(f"the fp32 graph: {time.monotonic() - started:.1f} s, peak {peak()} MiB")
    files |= {path: FileEntry(sha256="0" * 64, size=0) for path in GRAPH_FILES if (to / path).exists()}
    started = time.monotonic()
    made = int8_step.replace(to, asked, files, kind)
    print(f"int8 and its gate: {time.monotonic() - started:.1f} s, peak {peak()} MiB")
    print(json.dumps(verdict.told(made.conversion), indent=1))
    if made.conversion.figures is not None:
        print("the default gate:", verdict.decide(made.conversion.figures, verdict.Gate()) or "Passed")
    print({path: entry.size for path, entry in files.items()})


def kind_of(folder: Path) -> TokenizerKind:
    """Give the kind of a folder's tokenizer."""
    found = tokenise_kind.kind_of({path.name for path in folder.iterdir()})
    if found is None:
        raise SystemExit(f"{folder} has no tokenizer that is known here")
    return found


def peak() -> int:
    """Give the largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def memory(folder: Path, count: int) -> None:
    """Print what `count` copies take in processes of their own, and in one."""
    copies = [folder.with_name(f"{folder.name}-{number}") for number in range(count)]
    for copy in copies:
        if not copy.exists():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors"))
    command = [sys.executable, __file__, "answer"]
    for each in ([[one] for one in copies], [copies]):
        running = [
            subprocess.Popen([*command, *map(str, one)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for one in each
        ]
        for one in running:
            (one.stdout or sys.stdin.buffer).readline()
        grown = {name: sum(held(one.pid)[name] for one in running) for name in GROWN}
        print(len(running), "processes,", count, "models, MiB:", grown)
        for one in running:
            one.communicate()
    for copy in copies:
        shutil.rmtree(copy)


def answer(folders: list[Path]) -> None:
    """Load the server's own libraries and the models, answer one sentence and sixteen, and wait."""
    from veriaidpo_predictor.serving import server  # noqa: F401, PLC0415
    from veriaidpo_predictor.tokenising import tokenise  # noqa: PLC0415

    rng = np.random.default_rng(0)
    rows = [[int(n) for n in rng.integers(5, 2_000, length)] for length in (32, *rng.integers(12, 50, 16))]
    kept: list[Any] = []
    for folder in folders:
        labels = len(json.loads((folder / "config.json").read_bytes())["id2label"])
        kept.append(tokenise.build(folder, kind_of(folder), max_tokens=256))
        kept.append(session.load(folder, labels=labels, is_narrow=cpu.saturates(cpu.this())))
        for batch in (rows[:1], rows[1:], rows[:1]):
            kept[-1](batch)
    print("ready", flush=True)
    sys.stdin.read()


def held(pid: int) -> dict[str, int]:
    """Give what a process holds, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    found = {name: int(rest.split()[0]) >> 10 for name, _, rest in (line.partition(":") for line in lines)}
    return {name: found[name] for name in GROWN}


if __name__ == "__main__":
    logs.configure()
    sys.exit(main(sys.argv[1:]))
