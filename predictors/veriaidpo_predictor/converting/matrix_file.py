"""The file of matrices beside a graph: planned first, then written, each matrix where it can be mapped."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from veriaidpo_predictor.manifest import FileEntry

_PAGE = 4_096  # where a matrix begins in its file, so that it can be mapped

Blocks = Callable[[], Iterator[npt.NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Where a matrix lies in the file, in bytes, its type there, and what gives its values."""

    offset: int
    length: int
    dtype: np.dtype[Any]
    blocks: Blocks


class MatrixFile:
    """The plan of the file; `name` is what it will be called, beside the graph."""

    def __init__(self, name: str) -> None:
        self.matrices: list[Matrix] = []
        self._name = name

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.matrices[-1].offset + self.matrices[-1].length if self.matrices else 0

    def add(self, name: str, shape: Sequence[int], dtype: npt.DTypeLike, blocks: Blocks) -> TensorProto:
        """Plan a matrix, and give what stands for it in the graph; `blocks` is called when it is written."""
        kind = np.dtype(dtype).newbyteorder("<")
        offset = -(-self.size // _PAGE) * _PAGE
        length = kind.itemsize * math.prod(shape)
        self.matrices.append(Matrix(offset, length, kind, blocks))
        tensor = TensorProto(
            name=name, data_type=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), dims=shape
        )
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", self._name), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def write(self, folder: Path) -> FileEntry:
        """Write the file into a folder that has none of this name."""
        return write(folder / self._name, self._laid_out())

    def _laid_out(self) -> Iterable[bytes | memoryview]:
        """Give the bytes, gaps included."""
        at = 0
        for matrix in self.matrices:
            yield bytes(matrix.offset - at)
            at = matrix.offset
            for block in matrix.blocks():
                yield np.ascontiguousarray(block.astype(matrix.dtype, copy=False)).data.cast("B")
                at += block.nbytes


def write(path: Path, pieces: Iterable[bytes | memoryview]) -> FileEntry:
    """Write a file so that it lasts, and give its digest."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return FileEntry(sha256=digest.hexdigest(), size=size)
