"""How large each channel of what a linear layer reads becomes: the original graph answers a few sentences.

Which channels stick out is a property of a network and hardly of a text, so the same sentences do for every
model. Being always the same, they leave the int8 graph a function of the source alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.converting import linear
from veriaidpo_predictor.converting.graph_file import GraphFile, UnfitGraphError
from veriaidpo_predictor.converting.matrix_file import MatrixFile, write

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Range:
    """Of what a linear layer reads: the largest magnitude of each channel, and the lowest value of any."""

    largest: Array
    lowest: float

    def with_also(self, other: "Range") -> "Range":
        """Give the range of both."""
        return Range(np.maximum(self.largest, other.largest), min(self.lowest, other.lowest))


_GRAPH, _DATA = "observed.onnx", "observed.onnx_data"


def observe(
    folder: Path, graph: Path, rows: Sequence[Sequence[int]], *, width: int, per_token: bool
) -> dict[str, Range]:
    """Give the range of each value that the linear layers of a graph read.

    `folder` has the model's config.json, and `graph` lies below it. Raises UnfitGraphError.
    """
    file = GraphFile(graph)
    names = list(dict.fromkeys(one.x for one in linear.layers(file)))
    if not names:
        raise UnfitGraphError("it has no linear layers of a form that is known here")
    there = {one.name for one in file.graph.output}
    file.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names if name not in there
    )
    data = MatrixFile(_DATA)
    file.move_out(data, beside=True)
    written = [graph.with_name(name) for name in (_GRAPH, _DATA)]
    for path in written:
        path.unlink(missing_ok=True)
    try:
        data.write(graph.parent)
        write(written[0], [file.model.SerializeToString(deterministic=True)])
        del file
        place = written[0].relative_to(folder).as_posix()
        run = session.load(folder, labels=width, per_token=per_token, graph=place)
        ranges: dict[str, Range] = {}
        for row in rows:
            for name, found in zip(names, run.values(names, [row]), strict=True):
                largest = np.abs(found.reshape(-1, found.shape[-1])).max(axis=0)
                seen = Range(largest, float(found.min()))
                ranges[name] = ranges.get(name, seen).with_also(seen)
    except session.SessionError as error:
        raise UnfitGraphError(str(error).removesuffix(".")) from error
    finally:
        for path in written:
            path.unlink(missing_ok=True)
    return ranges
