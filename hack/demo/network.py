"""The networks: their sizes, how they are trained, what they answer."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertTokenizer,
    PhobertTokenizer,
    PreTrainedModel,
    PreTrainedTokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
    XLMRobertaTokenizer,
)

from specs import CLASSIFICATION, TAGGING, Spec, Training
from vocabulary import MAX_TOKENS

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Family:
    """One tokenizer family with the classes that read its files; `networks` by task."""

    tokenizer: Any
    config: Any
    networks: Mapping[str, Any]
    positions: int


FAMILIES = {
    "phobert": Family(
        PhobertTokenizer,
        RobertaConfig,
        {CLASSIFICATION: RobertaForSequenceClassification, TAGGING: RobertaForTokenClassification},
        MAX_TOKENS + 2,
    ),
    "xlmr": Family(
        XLMRobertaTokenizer,
        XLMRobertaConfig,
        {CLASSIFICATION: XLMRobertaForSequenceClassification, TAGGING: XLMRobertaForTokenClassification},
        MAX_TOKENS + 2,
    ),
    "bert": Family(
        BertTokenizer,
        BertConfig,
        {CLASSIFICATION: BertForSequenceClassification, TAGGING: BertForTokenClassification},
        MAX_TOKENS,
    ),
}


def build(
    spec: Spec, tokenizer: PreTrainedTokenizer, names: Sequence[str], dropout: float
) -> PreTrainedModel:
    """Build a network of about 0.7 million parameters with random weights; `names` of what it tells apart."""
    family = FAMILIES[spec.family]
    config = family.config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=family.positions,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout / 2,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        tokenizer_class=family.tokenizer.__name__,
        attn_implementation="eager",
    )
    network: PreTrainedModel = family.networks[spec.task](config)
    return network


def rounded(network: PreTrainedModel, stored: str) -> PreTrainedModel:
    """Round the weights to what the file will hold, so that what is measured is what is served."""
    made: PreTrainedModel = network.to(getattr(torch, stored)).float()
    return made


def encode(tokenizer: PreTrainedTokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Give the token ids of each text, at most MAX_TOKENS, special tokens included."""
    return [tokenizer(text, truncation=True, max_length=MAX_TOKENS)["input_ids"] for text in texts]


def padded(ids: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give (input_ids, attention_mask), both int64 [batch, longest]."""
    longest = max(map(len, ids))
    rows = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in ids])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
    return rows, mask


def logits(network: PreTrainedModel, ids: Sequence[Sequence[int]], pad: int, batch: int = 128) -> Floats:
    """Give raw scores [texts, labels]."""
    return np.concatenate(list(_logits(network, ids, pad, batch)))


def token_logits(network: PreTrainedModel, ids: Sequence[Sequence[int]], pad: int) -> list[Floats]:
    """Give the raw scores [tokens, tags] of each text."""
    scores = (row for part in _logits(network, ids, pad, 128) for row in part)
    return [row[: len(text)] for row, text in zip(scores, ids, strict=True)]


def softmax(scores: Floats) -> Floats:
    """Give probabilities of each row; of the shape of `scores`."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _logits(network: PreTrainedModel, ids: Sequence[Sequence[int]], pad: int, batch: int) -> Iterator[Floats]:
    network.train(mode=False)
    with torch.inference_mode():
        for start in range(0, len(ids), batch):
            rows, mask = padded(ids[start : start + batch], pad)
            yield network(input_ids=rows, attention_mask=mask).logits.numpy()


Loss = Callable[[torch.Tensor, Sequence[int]], torch.Tensor]
"""Of the logits of a batch and the numbers of its rows."""


def train(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizer,
    ids: list[list[int]],
    *,
    loss_of: Loss,
    settings: Training,
    name: str,
) -> None:
    """Train in place on rows of token ids; print how far it is."""
    rng = random.Random(settings.seed)
    order = list(range(len(ids)))
    steps = settings.epochs * (len(ids) // settings.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=steps + 1, pct_start=0.1
    )
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaged))
    done, started, loss_sum = 0, time.monotonic(), 0.0
    for _ in range(settings.epochs):
        rng.shuffle(order)
        for chunk in _batches(order, ids, settings.batch, rng):
            rows, mask = padded(
                [_masked(ids[i], tokenizer, settings.masked, rng) for i in chunk], _pad(tokenizer)
            )
            network.train()
            loss = loss_of(network(input_ids=rows, attention_mask=mask).logits, chunk)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            mean.update_parameters(network)
            done, loss_sum = done + 1, loss_sum + loss.item()
            if done % 50 == 0 or done == steps:
                passed = time.monotonic() - started
                left = passed / done * (steps - done)
                print(
                    f"  {name}: step {done}/{steps}, loss {loss_sum / min(50, done):.3f}, {left:.0f} s left",
                    file=sys.stderr,
                )
                loss_sum = 0.0
    network.load_state_dict(mean.module.state_dict())


def _pad(tokenizer: PreTrainedTokenizer) -> int:
    return int(tokenizer.pad_token_id)


def _batches(order: list[int], ids: list[list[int]], batch: int, rng: random.Random) -> list[list[int]]:
    """Make batches of rows of about one length, in random order; the odd rest is left out."""
    chunks: list[list[int]] = []
    for start in range(0, len(order), batch * 32):
        pool = sorted(order[start : start + batch * 32], key=lambda i: len(ids[i]))
        chunks += [pool[at : at + batch] for at in range(0, len(pool), batch)]
    chunks = [chunk for chunk in chunks if len(chunk) == batch]
    rng.shuffle(chunks)
    return chunks


def _masked(row: list[int], tokenizer: PreTrainedTokenizer, share: float, rng: random.Random) -> list[int]:
    """Make some inner tokens unreadable, so that no single word decides."""
    unknown = int(tokenizer.unk_token_id)
    return [row[0], *(unknown if rng.random() < share else t for t in row[1:-1]), row[-1]]
