"""The fallback engine: any sequence or token classifier of transformers, in float32 on the CPU.

It knows families that no graph is made of here, and it is slower. Nothing of a repository is run and nothing
is fetched: classes come from transformers alone, weights from model.safetensors alone.
"""

import os
from collections.abc import Sequence
from pathlib import Path

# Read when transformers is imported. A process that sees people's texts asks nobody for anything.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")

import torch  # type: ignore[import-not-found]  # not in the environment that types are checked in
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.padding import padded, scores
from veriaidpo_predictor.computing.unusable import UnusableError

# As with the other engine each run uses one core, and runs go side by side.
torch.set_num_threads(1)


class Network:
    """Computes logits for rows of ids. Safe to call from several threads at once."""

    def __init__(self, network: torch.nn.Module, *, pad_id: int, labels: int, per_token: bool) -> None:
        self._network = network
        self._pad_id = pad_id
        self._labels = labels
        self._per_token = per_token

    def __call__(self, rows: Sequence[Sequence[int]]) -> Logits | list[Logits]:
        """Rows of token ids, of any lengths, to logits of shape [rows, labels].

        With `per_token` to one array of shape [tokens of the row, labels] for each row.
        """
        ids, mask = map(torch.from_numpy, padded(rows, self._pad_id))
        with torch.inference_mode():
            found: Logits = self._network(input_ids=ids, attention_mask=mask).logits.numpy()
        return scores(found, rows, labels=self._labels, per_token=self._per_token)


def load(directory: Path, *, labels: int, per_token: bool) -> Network:
    """Load the weights of a verified revision directory; raises UnusableError."""
    wanted = AutoModelForTokenClassification if per_token else AutoModelForSequenceClassification
    try:
        config = AutoConfig.from_pretrained(  # nosec B615 # a folder
            directory, local_files_only=True, trust_remote_code=False
        )
        network, told = wanted.from_pretrained(
            directory,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # whatever transformers makes of a config that it does not know
        raise UnusableError(f"transformers cannot load the model ({type(error).__name__}).") from error
    # What is missing would be made up at random, and the answers with it.
    if told["missing_keys"] or told.get("mismatched_keys"):
        raise UnusableError("model.safetensors lacks weights that the network of config.json has.")
    pad_id = config.pad_token_id if isinstance(config.pad_token_id, int) else 0
    return Network(network.eval(), pad_id=pad_id, labels=labels, per_token=per_token)
