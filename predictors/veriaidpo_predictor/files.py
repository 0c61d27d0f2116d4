"""What the files of a model are called, in a repository and in a revision."""

GRAPH = "onnx/model.onnx"
GRAPH_DATA = "onnx/model.onnx_data"
GRAPH_FILES = (GRAPH, GRAPH_DATA, "onnx/model.onnx.data")
"""All that a published graph may consist of; the last two are what exporters call its file of matrices."""
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
