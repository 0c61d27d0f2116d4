"""A safetensors file: its header is believed once every number in it was checked; tensors are read in pieces.

The rules are the format's own (https://github.com/huggingface/safetensors, "Format"): eight bytes of length,
a JSON header, then the tensors' bytes without holes or overlaps up to the end of the file.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.outcome import FetchError, Reason

Array = npt.NDArray[np.float32]

_MAX_HEADER_BYTES = 16 << 20
_MAX_TENSORS = 65_536
_BLOCK_BYTES = 8 << 20
_FIELDS = {"dtype", "shape", "data_offsets"}
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
}  # fmt: skip
_READ_AS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An entry of the header; `begin` and `end` are offsets into the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Weights:
    """The tensors of a file as float32. Raises FetchError(UNSUPPORTED_FORMAT), which names the tensor."""

    def __init__(self, path: Path) -> None:
        """Read and check the header; no tensor yet."""
        self._path = path
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(_MAX_HEADER_BYTES, size - 8):
                raise refused("its header is longer than the file or than is believable")
            raw = file.read(length)
        self.tensors = _tensors(_header(raw), start=8 + length, size=size)

    def expect(self, name: str, shape: tuple[int, ...]) -> None:
        """Check that a tensor is there, has this shape, and is of a type that can be read."""
        found = self.tensors.get(name)
        if found is None:
            raise refused(f"the tensor {name} is missing")
        if found.shape != shape:
            raise refused(
                f"the tensor {name} has the shape {list(found.shape)}, and by config.json it is {list(shape)}"
            )
        if found.dtype not in _READ_AS:
            raise refused(f"the tensor {name} is {found.dtype}; only F32, F16 and BF16 can be converted")

    def read(self, name: str, shape: tuple[int, ...]) -> Array:
        """Give a whole tensor."""
        self.expect(name, shape)
        return np.concatenate([block.reshape(-1) for block in self.blocks(name)]).reshape(shape)

    def blocks(self, name: str) -> Iterator[Array]:
        """Give a tensor as flat pieces of at most a few megabytes, in order."""
        tensor = self.tensors[name]
        dtype = np.dtype(_READ_AS[tensor.dtype])
        step = _BLOCK_BYTES // dtype.itemsize
        left = math.prod(tensor.shape)
        with self._path.open("rb", buffering=0) as file:
            file.seek(tensor.begin)
            while left:
                found = np.fromfile(file, dtype, min(step, left))
                if not found.size:
                    raise refused(f"the tensor {name} ends before its time")
                left -= found.size
                block = _as_float32(found, tensor.dtype)
                if not np.isfinite(block).all():
                    raise refused(f"the tensor {name} holds values that are not finite")
                yield block


def refused(what: str) -> FetchError:
    """Make the failure for weights that cannot become a graph; `what` goes on after the file's name."""
    return FetchError(Reason.UNSUPPORTED_FORMAT, f"model.safetensors cannot be converted: {what}.")


def _as_float32(found: npt.NDArray[Any], dtype: str) -> Array:
    if dtype == "BF16":  # the upper half of a float32
        return (found.astype(np.uint32) << 16).view(np.float32)
    return found.astype(np.float32, copy=False)


def _header(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError):
        raise refused("its header is not JSON") from None
    if not isinstance(found, dict) or len(found) > _MAX_TENSORS:
        raise refused("its header is not a list of tensors")
    found.pop("__metadata__", None)
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise refused(f"its header has {_shown(twin)} twice")
    return found


def _tensors(header: Mapping[str, Any], *, start: int, size: int) -> dict[str, Tensor]:
    """Check each entry by itself, and that together they fill the file exactly."""
    found = {_shown(name): _tensor(_shown(name), entry, start) for name, entry in header.items()}
    end = start
    for name, tensor in sorted(found.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.end > size:
            raise refused(f"the tensor {name} lies beyond the end of the file")
        if tensor.begin != end:
            how = "overlaps another" if tensor.begin < end else "leaves a hole before it"
            raise refused(f"the tensor {name} {how}")
        end = tensor.end
    if end != size:
        raise refused(f"{size - end} bytes at its end belong to no tensor")
    return found


def _tensor(name: str, entry: Any, start: int) -> Tensor:
    """Check that an entry's type, shape and offsets agree."""
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise refused(f"the tensor {name} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise refused(f"the tensor {name} is of an unknown type")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise refused(f"the tensor {name} has a shape or offsets that are none")
    if offsets[1] - offsets[0] != math.prod(shape) * _BITS[dtype] // 8:
        raise refused(f"the tensor {name} has another length than its shape needs")
    return Tensor(dtype, tuple(shape), start + offsets[0], start + offsets[1])


def _are_sizes(found: Any) -> bool:
    """Tell whether this is a short list of numbers from 0 on; true and false are numbers to Python."""
    return (
        isinstance(found, list)
        and len(found) <= 8
        and all(type(one) is int and 0 <= one < 1 << 48 for one in found)
    )


def _shown(name: str) -> str:
    """Give a name as it may stand in a sentence; names that no model has are cut."""
    return name if name.isprintable() and len(name) <= 200 else repr(name[:200])
