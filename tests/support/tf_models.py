"""ONNX models as tf2onnx writes those of TensorFlow: pictures with the channels last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
SIZE = 32


class Writer:
    """Nodes and weights of one model; each method adds an operator and names its result."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(seed)

    def constant(self, array: NDArray[np.generic]) -> str:
        name = f"const_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape: int, scale: float = 1.0, shift: float = 0.0) -> str:
        numbers = self.rng.standard_normal(shape) * scale + shift
        return self.constant(numbers.astype(np.float32))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def pad(self, x: str, size: int, value: float = 0.0) -> str:
        pads = self.constant(np.array([0, 0, size, size] * 2, np.int64))
        return self.add("Pad", x, pads, self.constant(np.array(value, np.float32)))

    def conv(self, x: str, channels: tuple[int, int], kernel: int, stride: int = 1) -> str:
        deviation = 1 / np.sqrt(channels[0] * kernel**2)
        weight = self.weight(channels[1], channels[0], kernel, kernel, scale=deviation)
        shape = [kernel, kernel]
        return self.add("Conv", x, weight, strides=[stride, stride], kernel_shape=shape)

    def norm(self, x: str, channels: int) -> str:
        parts = [self.weight(channels, shift=1.0), self.weight(channels), self.weight(channels)]
        variance = self.constant(self.rng.uniform(0.5, 1.5, channels).astype(np.float32))
        return self.add("BatchNormalization", x, *parts, variance, epsilon=1e-3)

    def save(self, path: Path, output: str, shape: list[int | str]) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "tf2onnx",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, SIZE, SIZE, 3])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return path


def resnet(path: Path) -> Path:
    """A small ResNet: pads of their own, batch norms, a picture normalized with channels last."""
    w = Writer()
    x = w.add("Sub", "input", w.constant(np.array([0.4, 0.5, 0.6], np.float32)))
    x = w.add("Mul", x, w.constant(np.array([4.0, 5.0, 6.0], np.float32)))
    x = w.pad(w.add("Transpose", x, perm=[0, 3, 1, 2]), 3)
    x = w.add("Relu", w.norm(w.conv(x, (3, 16), 7, stride=2), 16))
    x = w.add("MaxPool", w.pad(x, 1), kernel_shape=[3, 3], strides=[2, 2])
    for stride in (1, 2):
        x = _block(w, x, stride)
    x = w.add("ReduceMean", w.add("Transpose", x, perm=[0, 2, 3, 1]), axes=[1, 2], keepdims=0)
    x = w.add("Add", w.add("MatMul", x, w.weight(16, 10, scale=0.2)), w.weight(10))
    return w.save(path, w.add("Softmax", x, axis=1), [1, 10])


def _block(w: Writer, x: str, stride: int) -> str:
    """Two convolutions beside another one."""
    shortcut = w.norm(w.conv(x, (16, 16), 1, stride), 16)
    y = w.add("Relu", w.norm(w.conv(x, (16, 8), 1, stride), 8))
    y = w.norm(w.conv(w.pad(y, 1), (8, 16), 3), 16)
    return w.add("Relu", w.add("Add", shortcut, y))
