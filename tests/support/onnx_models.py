"""Small ONNX models made in a test, and how the reader's result is judged on them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as native

from opt_tool.formats.onnx.reader import GraphReader
from opt_tool.ir import Graph, verify
from opt_tool.runtime.executor import Executor

DEFAULT_OPSET = 21

LAST_FOR_PYTHON_310 = (1, 23)


def need_newer_onnxruntime() -> None:
    """Skip a comparison in which onnxruntime 1.23, the last for Python 3.10, is wrong itself."""
    release = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
    if release <= LAST_FOR_PYTHON_310:
        pytest.skip("onnxruntime 1.23 computes it otherwise, or not at all")


OLD_ONNXRUNTIME = (
    f"onnxruntime {onnxruntime.__version__} is of Python 3.10"
    if sys.version_info < (3, 11)
    else None
)


def node_model(
    operator: str,
    inputs: Mapping[str, np.ndarray | None],
    *,
    constants: Sequence[str] = (),
    outputs: Sequence[str] = ("y",),
    opset: int = DEFAULT_OPSET,
    domain: str = "",
    dynamic: bool = False,
    **attributes: Any,  # whatever the operator takes
) -> onnx.ModelProto:
    """A model of one node.

    Args:
        operator: The ONNX operator.
        inputs: Arrays by name in operand order; None leaves an optional operand out.
        constants: The inputs that are initializers; the others are graph inputs.
        outputs: Names of the outputs; "" leaves one out.
        opset: Version of the default domain.
        domain: The operator's domain.
        dynamic: Whether the dimensions of the graph inputs are symbols.
        attributes: The node's attributes; those that are None are left out.
    """
    given = {name: array for name, array in inputs.items() if array is not None}
    node = helper.make_node(
        operator,
        [name if array is not None else "" for name, array in inputs.items()],
        list(outputs),
        name=f"the_{operator.lower()}",
        domain=domain,
        **{name: value for name, value in attributes.items() if value is not None},
    )
    graph = helper.make_graph(
        [node],
        "test",
        [
            helper.make_tensor_value_info(
                name,
                helper.np_dtype_to_tensor_dtype(array.dtype),
                [f"{name}_{axis}" for axis in range(array.ndim)] if dynamic else array.shape,
            )
            for name, array in given.items()
            if name not in constants
        ],
        [helper.make_empty_tensor_value_info(name) for name in outputs if name],
        [numpy_helper.from_array(given[name], name) for name in constants],
    )
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def read_model(model: onnx.ModelProto, **options: Any) -> Graph:  # the reader's own options
    """The graph of a model in memory, checked."""
    reader = GraphReader(model, Path("test.onnx"))
    graph = reader.read(options.get("input_shapes", {}), options.get("outputs", ()))
    verify(graph)
    return graph


def reference(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """What onnxruntime computes, without its own graph optimisations.

    The last one for Python 3.10 lacks some kernels; what needs them is skipped there.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except native.NotImplemented as error:
        if OLD_ONNXRUNTIME is None:
            raise
        pytest.skip(f"{OLD_ONNXRUNTIME}: {str(error).rsplit(':', 1)[-1].strip()}")
    results: list[np.ndarray] = session.run(None, dict(feeds))
    return results


def assert_reads(
    operator: str,
    inputs: Mapping[str, np.ndarray | None],
    *,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    **options: Any,  # those of node_model
) -> Graph:
    """Assert that the graph of a one-node model computes what onnxruntime computes."""
    model = node_model(operator, inputs, **options)
    constants = options.get("constants", ())
    feeds = {
        name: array for name, array in inputs.items() if array is not None and name not in constants
    }
    graph = read_model(model)
    computed = Executor(graph).run(feeds)
    for (name, actual), expected in zip(computed.items(), reference(model, feeds), strict=True):
        assert actual.shape == expected.shape, name
        assert actual.dtype == expected.dtype, name
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=name)
    return graph
