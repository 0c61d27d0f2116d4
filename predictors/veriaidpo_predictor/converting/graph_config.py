"""What config.json says of a network, as far as a graph can be made for it here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from veriaidpo_predictor.golden import Task
from veriaidpo_predictor.outcome import FetchError, Reason

Activation = Literal["gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu"]
_Size = Annotated[int, Field(ge=1, le=16_777_216, strict=True)]

_CLASSES = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta"}
_HEADS: dict[Task, str] = {
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
}


class _Config(BaseModel):
    """config.json holds a good deal more, which changes nothing in the graph."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model_type: Literal["bert", "roberta", "xlm-roberta"]
    architectures: tuple[str, ...] | None = None
    vocab_size: _Size
    hidden_size: _Size
    num_hidden_layers: Annotated[int, Field(ge=1, le=128, strict=True)]
    num_attention_heads: _Size
    intermediate_size: _Size
    max_position_embeddings: _Size
    type_vocab_size: _Size
    hidden_act: Activation = "gelu"
    layer_norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-12
    pad_token_id: Annotated[int, Field(ge=0, strict=True)] | None = None
    position_embedding_type: Literal["absolute"] | None = None
    is_decoder: Literal[False] = False
    add_cross_attention: Literal[False] = False


@dataclass(frozen=True, slots=True)
class Network:
    """An encoder and its head; `labels` is how many scores the head gives."""

    family: Literal["bert", "roberta"]
    task: Task
    labels: int
    vocabulary: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    types: int
    activation: Activation
    epsilon: float
    padding: int
    """The id of padding. RoBERTa counts positions from it on, over what is not padding."""

    @property
    def prefix(self) -> str:
        """How the names of the encoder's tensors begin."""
        return f"{self.family}."


def read(path: Path, *, task: Task, labels: int, max_tokens: int) -> Network:
    """Read config.json; raises FetchError(UNSUPPORTED_FORMAT) for a network no graph can be made for."""
    try:
        config = _Config.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise _refused(f"config.json says something else than is known at {where}: {first['msg']}") from None
    expected = _CLASSES[config.model_type] + _HEADS[task]
    if config.architectures is not None and expected not in config.architectures:
        named = ", ".join(config.architectures)[:120]
        raise _refused(f"its architecture is {named or 'not named'}, and {expected} is expected")
    if config.hidden_size % config.num_attention_heads:
        raise _refused("its hidden size is not a multiple of its attention heads")
    network = _network(config, task=task, labels=labels)
    usable = network.positions - (0 if network.family == "bert" else network.padding + 1)
    if max_tokens > usable:
        raise _refused(f"it takes at most {usable} tokens, and {max_tokens} are asked for")
    return network


def _network(config: _Config, *, task: Task, labels: int) -> Network:
    is_bert = config.model_type == "bert"
    padding = config.pad_token_id
    return Network(
        family="bert" if is_bert else "roberta",
        task=task,
        labels=labels,
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        intermediate=config.intermediate_size,
        positions=config.max_position_embeddings,
        types=config.type_vocab_size,
        activation=config.hidden_act,
        epsilon=config.layer_norm_eps,
        padding=padding if padding is not None else 0 if is_bert else 1,
    )


def _refused(what: str) -> FetchError:
    return FetchError(
        Reason.UNSUPPORTED_FORMAT, f"The source has no onnx/model.onnx, and none can be made: {what}."
    )
