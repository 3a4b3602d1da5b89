"""Random ONNX models, and onnxruntime as their reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from opt_tool.api.onnx_runner import FAILURES
from random_models.drawing import Draw, Menu
from random_models.model import Arrays, RandomModel
from random_models.rules import (
    onnx_arithmetic,
    onnx_blocks,
    onnx_movement,
    onnx_products,
    onnx_windows,
)
from random_models.source import Results, first_shape

OPSETS = (7, 9, 11, 11, 12, 13, 13, 14, 16, 17, 17, 18, 19, 20, 21)
IR_VERSION = 8


class OnnxSource:
    """ONNX of opset 7 to 21."""

    name = "onnx"
    menu: Menu = (
        *onnx_windows.MENU,
        *onnx_arithmetic.MENU,
        *onnx_movement.MENU,
        *onnx_products.MENU,
        *onnx_blocks.MENU,
    )

    def begin(self, d: Draw) -> None:
        d.model = replace(d.model, opset=d.pick(OPSETS))
        d.input(d.uniform(first_shape(d), -2, 2))

    def write(self, model: RandomModel, folder: Path) -> tuple[Path, ...]:
        path = folder / "model.onnx"
        path.write_bytes(proto(model).SerializeToString())
        return (path,)

    def try_out(self, model: RandomModel, folder: Path) -> np.ndarray | None:  # noqa: ARG002
        results = _run(model)
        return None if results is None else results[0][0]

    def expected(
        self,
        models: Sequence[RandomModel],
        folder: Path,  # noqa: ARG002
    ) -> list[Results | None]:
        return [_run(model) for model in models]


def proto(model: RandomModel) -> onnx.ModelProto:
    """The model as a message."""
    nodes = [
        helper.make_node(
            operator.type,
            operator.inputs,
            operator.outputs,
            name=f"{operator.type}_{number}",
            **operator.attributes,
        )
        for number, operator in enumerate(model.operators)
    ]
    graph = helper.make_graph(
        nodes,
        "random",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), _shape(model, name)
            )
            for name, array in model.inputs.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in model.outputs],
        [numpy_helper.from_array(array, name) for name, array in model.constants.items()],
    )
    opsets = [helper.make_opsetid("", model.opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _shape(model: RandomModel, name: str) -> list[int | str]:
    """The shape of an input; open sizes have names."""
    is_open = model.open.get(name, frozenset())
    return [
        f"{name}_{axis}" if axis in is_open else size
        for axis, size in enumerate(model.inputs[name].shape)
    ]


def _run(model: RandomModel) -> Results | None:
    """What onnxruntime computes without passes of its own."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        data = proto(model).SerializeToString()
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return [session.run(None, _fed(session, feed)) for feed in model.feeds]
    except FAILURES:
        return None


def _fed(session: onnxruntime.InferenceSession, feed: Arrays) -> dict[str, np.ndarray]:
    return {info.name: feed[info.name] for info in session.get_inputs()}
