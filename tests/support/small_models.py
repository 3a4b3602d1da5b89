"""Small ONNX models on the disk, for tests of whole conversions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def classifier(
    path: Path,
    *,
    shape: Sequence[int | str] = (1, 3, 16, 16),
    seed: int = 0,
    dtype: int = TensorProto.FLOAT,
    certain: bool = False,
) -> Path:
    """Two convolutions, a relu, a pool and a softmax: ``image`` to ``probabilities``.

    The scores before the softmax are ``scores``; ``features`` comes out of the relu. A
    model that is ``certain`` gives the first class a probability of one for any image.
    """
    rng = np.random.default_rng(seed)
    numpy_type = helper.tensor_dtype_to_np_dtype(dtype)
    weights = {
        "w1": rng.standard_normal((8, 3, 3, 3)) / 3,
        "b1": rng.standard_normal(8) / 10,
        "w2": rng.standard_normal((5, 8, 3, 3)),
        "b2": rng.standard_normal(5) / 10,
    }
    if certain:
        weights["b2"][0] += 200
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["features"], "relu"),
        helper.make_node("Conv", ["features", "w2", "b2"], ["c2"], "second", strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c2"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["scores"], "flatten"),
        helper.make_node("Softmax", ["scores"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("image", dtype, list(shape))],
        [helper.make_tensor_value_info("probabilities", dtype, [shape[0], 5])],
        [numpy_helper.from_array(w.astype(numpy_type), name) for name, w in weights.items()],
    )
    return save(graph, path)


def unsupported(path: Path) -> Path:
    """A model with two nodes of an operator that nobody has, and a relu between them."""
    nodes = [
        helper.make_node("Unheard", ["x"], ["a"], "unheard_1", domain="example.org"),
        helper.make_node("Relu", ["x"], ["b"], "relu"),
        helper.make_node("Unheard", ["b"], ["y"], "unheard_2", domain="example.org"),
    ]
    graph = helper.make_graph(
        nodes,
        "unsupported",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("a", "y")],
    )
    return save(graph, path, ("example.org", 1))


def save(graph: onnx.GraphProto, path: Path, *domains: tuple[str, int]) -> Path:
    """Write a graph as a model."""
    opsets = [helper.make_opsetid(domain, version) for domain, version in (("", OPSET), *domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
