"""Element types on the way in: casts, and carriers for what a kernel does not take.

Kernels that only move elements exist for float32, int32 and int64 on every target. Bool
and uint8 are carried through them in a type that holds all their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from opt_tool.formats.imported_node import ImportedNode
from opt_tool.ir import DType, Value
from opt_tool.ir.operations.elementwise import Cast

MOVABLE = frozenset({DType.FLOAT32, DType.INT32, DType.INT64})
"""What every kernel that moves elements takes, on ARM and on x86."""

CARRIERS: Mapping[DType, DType] = {DType.BOOL: DType.INT32, DType.UINT8: DType.FLOAT32}
"""Types that hold all values of another one, with casts both ways on every target."""


def cast(node: ImportedNode, x: Value, dtype: DType) -> Value:
    """X in another element type; x itself where it has that already."""
    if x.dtype is dtype:
        return x
    return node.add(Cast(in_dtype=x.dtype, out_dtype=dtype), X=x)


def as_int32(node: ImportedNode, x: Value) -> Value:
    """A shape-like operand as int32, which is what the runtime reads."""
    producer = x.producer
    if producer is not None and producer.op == Cast(in_dtype=DType.INT32, out_dtype=DType.INT64):
        return producer.input("X")
    return cast(node, x, DType.INT32)


def carried(
    node: ImportedNode,
    values: Sequence[Value],
    compute: Callable[..., Value],
    *,
    native: frozenset[DType] = MOVABLE,
    beside: Iterable[Value | None] = (),
) -> Value:
    """What ``compute`` makes of values of one type, in a type that its kernels take.

    Constants need no kernel: they are computed at once, when the operands ``beside`` them
    are constants too. A type that neither is native nor has a carrier is refused.
    """
    dtype = values[0].dtype
    others = (value for value in beside if value is not None)
    if dtype in native or all(value.is_constant for value in (*values, *others)):
        return compute(*values)
    carrier = CARRIERS.get(dtype)
    if carrier is None or carrier not in native:
        names = ", ".join(sorted(d.value for d in native))
        raise node.unsupported(
            f"it works on {dtype.value} tensors; Paddle Lite has kernels for {names}. "
            "Cast around it in the model"
        )
    return cast(node, compute(*(cast(node, value, carrier) for value in values)), dtype)
