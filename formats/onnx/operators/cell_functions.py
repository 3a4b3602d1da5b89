"""The functions inside of ONNX's recurrent cells, by their names there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from opt_tool.formats.onnx.node import OnnxNode
from opt_tool.ir import Value
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations import activation as ops
from opt_tool.ir.operations.elementwise import Abs, ElementwiseDiv, Scale
from opt_tool.ir.unrolling import Function, sigmoid, tanh

USUAL = {
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "GRU": ("Sigmoid", "Tanh"),
    "RNN": ("Tanh",),
}
"""What each operator takes when it is given nothing."""


class Form(NamedTuple):
    """A function of up to two parameters, with their defaults; None is no parameter."""

    make: Callable[[float, float], Function]
    alpha: float | None = None
    beta: float | None = None


def _affine(alpha: float, beta: float) -> Function:
    return lambda builder, x: builder.add(Scale(scale=alpha, bias=beta), X=x)


def _scaled_tanh(alpha: float, beta: float) -> Function:
    inner, outer = _affine(beta, 0.0), _affine(alpha, 0.0)
    return lambda builder, x: outer(builder, tanh(builder, inner(builder, x)))


def _softsign(builder: GraphBuilder, x: Value) -> Value:
    size = builder.add(Scale(bias=1.0), X=builder.add(Abs(), X=x))
    return builder.add(ElementwiseDiv(), X=x, Y=size)


FORMS: Mapping[str, Form] = {
    "affine": Form(_affine, 1.0, 0.0),
    "elu": Form(lambda a, _: lambda builder, x: builder.add(ops.Elu(alpha=a), X=x), 1.0),
    "hardsigmoid": Form(
        lambda a, b: lambda builder, x: builder.add(ops.HardSigmoid(slope=a, offset=b), X=x),
        0.2,
        0.5,
    ),
    "leakyrelu": Form(
        lambda a, _: lambda builder, x: builder.add(ops.LeakyRelu(alpha=a), X=x), 0.01
    ),
    "relu": Form(lambda _, __: lambda builder, x: builder.add(ops.Relu(), X=x)),
    "scaledtanh": Form(_scaled_tanh, 1.0, 1.0),
    "sigmoid": Form(lambda _, __: sigmoid),
    "softplus": Form(lambda _, __: lambda builder, x: builder.add(ops.Softplus(), X=x)),
    "softsign": Form(lambda _, __: _softsign),
    "tanh": Form(lambda _, __: tanh),
    "thresholdedrelu": Form(
        lambda a, _: lambda builder, x: builder.add(ops.ThresholdedRelu(threshold=a), X=x), 1.0
    ),
}


def _names(node: OnnxNode) -> tuple[str, ...]:
    """The functions of all directions, one after the other; empty for the usual ones."""
    attribute = node.texts("activations")
    return tuple(name.lower() for name in attribute)


def cell_functions(node: OnnxNode, direction: int, directions: int) -> tuple[Function, ...]:
    """The functions of one direction; parameters go to those that take them, in order."""
    usual = USUAL[node.operator]
    names = _names(node) or tuple(name.lower() for name in usual) * directions
    if len(names) != len(usual) * directions:
        raise node.unsupported(f"{len(names)} activations for {directions} directions")
    alphas, betas = iter(node.reals("activation_alpha")), iter(node.reals("activation_beta"))
    functions = [_function(node, name, alphas, betas) for name in names]
    return tuple(functions[direction * len(usual) : (direction + 1) * len(usual)])


def _function(
    node: OnnxNode, name: str, alphas: Iterator[float], betas: Iterator[float]
) -> Function:
    form = FORMS.get(name)
    if form is None:
        raise node.unsupported(f"activation {name!r}; there are {', '.join(FORMS)}")
    alpha = 0.0 if form.alpha is None else next(alphas, form.alpha)
    beta = 0.0 if form.beta is None else next(betas, form.beta)
    return form.make(alpha, beta)
