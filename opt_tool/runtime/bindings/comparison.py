"""Binds comparisons, logic and choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from opt_tool.ir import Operation
from opt_tool.ir.operations import comparison as ops
from opt_tool.kernels import comparison as kernels
from opt_tool.runtime.binding import Arrays, computes

BINARY: Mapping[type[Operation], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ops.Equal: kernels.equal,
    ops.NotEqual: kernels.not_equal,
    ops.LessThan: np.less,
    ops.LessEqual: np.less_equal,
    ops.GreaterThan: np.greater,
    ops.GreaterEqual: np.greater_equal,
    ops.LogicalAnd: np.logical_and,
    ops.LogicalOr: np.logical_or,
    ops.LogicalXor: np.logical_xor,
    ops.BitwiseAnd: np.bitwise_and,
}


def _binary(op: Operation, arrays: Arrays) -> np.ndarray:
    return np.asarray(BINARY[type(op)](arrays.one("X"), arrays.one("Y")))


@computes(ops.LogicalNot)
def logical_not(op: ops.LogicalNot, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return np.asarray(np.logical_not(arrays.one("X")))


@computes(ops.Where)
def where(op: ops.Where, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return np.where(arrays.one("Condition"), arrays.one("X"), arrays.one("Y"))


for _op_type in BINARY:
    computes(_op_type)(_binary)
