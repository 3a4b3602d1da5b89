"""ONNX's protobuf messages, without the rest of the onnx package.

Importing the package costs as much time as importing NumPy, a fifth of what a small model
takes to convert, though only its messages are needed to read one. So their module is
executed on its own, under its own name: where the package is imported later, for what few
models need, it takes up the same classes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

MODULE = "onnx.onnx_ml_pb2"


def _messages() -> ModuleType:
    """The module of the messages; the package where it does not hold it as a file."""
    if MODULE in sys.modules:
        return sys.modules[MODULE]
    package = importlib.util.find_spec("onnx")  # without executing it
    folders = () if package is None else package.submodule_search_locations or ()
    name = MODULE.rpartition(".")[2]
    files = [file for folder in folders if (file := Path(folder, f"{name}.py")).is_file()]
    if not files:
        return importlib.import_module("onnx")
    spec = importlib.util.spec_from_file_location(MODULE, files[0])
    assert spec is not None, "it is a file of Python"
    assert spec.loader is not None, "it is a file of Python"
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from onnx import (
        AttributeProto,
        FunctionProto,
        GraphProto,
        ModelProto,
        NodeProto,
        OperatorSetIdProto,
        TensorProto,
        TensorShapeProto,
        TypeProto,
        ValueInfoProto,
    )
else:
    _module = _messages()
    AttributeProto = _module.AttributeProto
    FunctionProto = _module.FunctionProto
    GraphProto = _module.GraphProto
    ModelProto = _module.ModelProto
    NodeProto = _module.NodeProto
    OperatorSetIdProto = _module.OperatorSetIdProto
    TensorProto = _module.TensorProto
    TensorShapeProto = _module.TensorShapeProto
    TypeProto = _module.TypeProto
    ValueInfoProto = _module.ValueInfoProto


def make_node(
    op_type: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    name: str = "",
    domain: str = "",
    **attributes: Any,
) -> NodeProto:
    """A node whose attributes have the types of what is given for them."""
    from onnx import helper

    return helper.make_node(op_type, inputs, outputs, name, domain=domain, **attributes)


def make_tensor(array: np.ndarray, name: str = "") -> TensorProto:
    """A tensor that holds an array."""
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)


__all__ = [
    "AttributeProto",
    "FunctionProto",
    "GraphProto",
    "ModelProto",
    "NodeProto",
    "OperatorSetIdProto",
    "TensorProto",
    "TensorShapeProto",
    "TypeProto",
    "ValueInfoProto",
    "make_node",
    "make_tensor",
]
