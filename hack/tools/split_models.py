"""Writes each Model of a rendered chart (stdin) to <folder>/<name>.yaml, without what only Helm knows."""

import sys
from pathlib import Path

import yaml


def main(folder: Path) -> None:
    """Split the documents; names of files are names of Models."""
    for model in yaml.safe_load_all(sys.stdin):
        if model is None:
            continue
        model["metadata"] = {
            "name": model["metadata"]["name"],
            "labels": {"app.kubernetes.io/part-of": "veriaidpo"},
        }
        text = yaml.safe_dump(model, allow_unicode=True, sort_keys=False, width=110)
        (folder / f"{model['metadata']['name']}.yaml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
