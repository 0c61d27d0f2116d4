"""From weights to a graph, and from a graph to int8, with the gate between."""
