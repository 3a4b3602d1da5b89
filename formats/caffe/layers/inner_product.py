"""Reads InnerProduct and Embed."""

from __future__ import annotations

import math

import numpy as np

from opt_tool.formats.caffe.layer import CaffeLayer
from opt_tool.formats.caffe.registry import caffe_layer
from opt_tool.formats.element_types import converted
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.elementwise import ElementwiseAdd
from opt_tool.ir.operations.indexing import LookupTableV2
from opt_tool.ir.operations.matmul import Fc


@caffe_layer("InnerProduct")
def inner_product(layer: CaffeLayer) -> Value:
    """The dimensions from ``axis`` on, flattened, times a matrix, plus a bias."""
    param, x = layer.proto.inner_product_param, layer.bottom()
    axis, outputs = layer.axis(param.axis, x.rank), param.num_output
    inputs = math.prod(layer.sizes(x)[axis:])
    if axis == 0:
        x, axis = layer.reshaped(x, (1, *x.shape)), 1
    if param.transpose:
        weight = layer.weight(0, (inputs, outputs))
    else:
        weight = np.ascontiguousarray(layer.weight(0, (outputs, inputs)).T)
    bias = layer.weight_value(1, (outputs,), "bias") if param.bias_term else None
    op = Fc(in_num_col_dims=axis)
    y = layer.add(op, Input=x, W=layer.constant(weight, "weight"), Bias=bias)
    return y if layer.axis(param.axis, layer.bottom().rank) else layer.reshaped(y, (outputs,))


@caffe_layer("Embed")
def embed(layer: CaffeLayer) -> Value:
    """Rows of a table at the whole numbers that the bottom holds as floats."""
    param = layer.proto.embed_param
    table = layer.weight_value(0, (param.input_dim, param.num_output), "table")
    rows = converted(layer.builder, layer.bottom(), DType.INT64)
    y = layer.add(LookupTableV2(), W=table, Ids=rows)
    if not param.bias_term:
        return y
    return layer.add(ElementwiseAdd(), X=y, Y=layer.weight_value(1, (param.num_output,), "bias"))
