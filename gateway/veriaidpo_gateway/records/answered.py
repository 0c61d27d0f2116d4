"""An answer, as the request's way leaves it behind, and the record that is made of it later. Pure."""

import hmac
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import orjson

from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.models.routes import Model
from veriaidpo_gateway.records.rows import MILLION, Contents


class Said(NamedTuple):
    """What one model said, and whether its caller was told that a person should look."""

    model: Model
    inference: Inference
    cached: bool
    needs_review: bool


class Answered(NamedTuple):
    """An answer, or of a text that every classifier got, all of them. `time` in seconds since 1970.

    `text` is the normalised text: it is hashed and not kept.
    """

    time: float
    request_id: str
    item: int | None
    caller: Caller
    language: str
    normaliser: str
    text: str
    said: Sequence[Said]
    every: bool = False


class TextHash:
    """Hashes normalised texts with a key of the installation's: the same text of two tenants is not equal."""

    _use = b"veriaidpo record text"

    def __init__(self, key: bytes) -> None:
        secret = hmac.digest(key, self._use, "sha256")

        # Begun once and copied: with its key an HMAC takes longer to begin than to go through a sentence.
        @lru_cache(1024)
        def begun(tenant: str) -> hmac.HMAC:
            return hmac.new(hmac.digest(secret, tenant.encode(), "sha256"), digestmod="sha256")

        self._begun = begun

    def __call__(self, tenant: str, text: str) -> str:
        """Give 64 hex digits."""
        one = self._begun(tenant).copy()
        one.update(text.encode())
        return one.hexdigest()


class SubjectHash(TextHash):
    """Hashes who asked, so that a receipt says whose records went and names nobody to who has not the key."""

    _use = b"veriaidpo record subject"


def contents_of(answered: Answered, text_hash: TextHash) -> Contents:
    """Make the record of an answer."""
    at, request_id, item, caller, language, normaliser, text, said, every = answered
    model, inference, cached, _ = said[0]
    # By place: nineteen values by name take four times as long.
    return Contents(
        os.urandom(16).hex(),
        int(at * 1000),
        request_id,
        item,
        caller.tenant,
        caller.sub,
        None if every else model.name,
        None if every else model.model_type,
        language,
        None if every else _plain(inference.revision),
        None if every else model.labels[inference.category_id].id,
        None if every else inference.category_id,
        None if every else _millionths(inference.confidence),
        None if every else _threshold(model),
        int(any(one.needs_review for one in said)),
        None if every else int(cached),
        normaliser,
        text_hash(caller.tenant, text),
        orjson.dumps([_one(one) for one in said]).decode() if every else None,
    )


def _one(said: Said) -> dict[str, object]:
    model, inference, cached, needs_review = said
    return {
        "model": model.name,
        "model_type": model.model_type,
        "revision": _plain(inference.revision),
        "label": model.labels[inference.category_id].id,
        "category_id": inference.category_id,
        "confidence": _millionths(inference.confidence),
        "threshold": _threshold(model),
        "needs_review": needs_review,
        "cached": cached,
    }


def _millionths(share: float) -> int:
    return round(share * MILLION)


def _threshold(model: Model) -> int | None:
    return None if model.threshold is None else _millionths(model.threshold)


def _plain(word: str) -> str:
    """Leave out what PostgreSQL keeps in no text: a predictor's word must not stop all others' records."""
    return word.replace("\0", "")
