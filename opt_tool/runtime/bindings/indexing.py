"""Binds operations that read or write at indices."""

from __future__ import annotations

import numpy as np

from opt_tool.ir.operations import indexing as ops
from opt_tool.kernels import indexing as kernels
from opt_tool.runtime.binding import Arrays, computes


@computes(ops.Gather)
def gather(op: ops.Gather, arrays: Arrays) -> np.ndarray:
    return kernels.gather(arrays.one("X"), arrays.one("Index"), axis=op.axis)


@computes(ops.GatherNd)
def gather_nd(op: ops.GatherNd, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return kernels.gather_nd(arrays.one("X"), arrays.one("Index"))


@computes(ops.ScatterNdAdd)
def scatter_nd_add(op: ops.ScatterNdAdd, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return kernels.scatter_nd_add(arrays.one("X"), arrays.one("Index"), arrays.one("Updates"))


@computes(ops.Scatter)
def scatter(op: ops.Scatter, arrays: Arrays) -> np.ndarray:
    x, ids, updates = arrays.one("X"), arrays.one("Ids"), arrays.one("Updates")
    return kernels.scatter(x, ids, updates, overwrite=op.overwrite)


@computes(ops.WhereIndex)
def where_index(op: ops.WhereIndex, arrays: Arrays) -> np.ndarray:  # noqa: ARG001
    return kernels.where_index(arrays.one("Condition"))


@computes(ops.LookupTableV2)
def lookup_table_v2(op: ops.LookupTableV2, arrays: Arrays) -> np.ndarray:
    return kernels.lookup(arrays.one("W"), arrays.one("Ids"), padding_idx=op.padding_idx)


@computes(ops.LookupTable)
def lookup_table(op: ops.LookupTable, arrays: Arrays) -> np.ndarray:
    return kernels.lookup(arrays.one("W"), arrays.one("Ids")[..., 0], padding_idx=op.padding_idx)
