"""From operations to kernels: one table, filled by two decorators.

``computes`` is for operations that need nothing but their attributes and operands;
``prepares`` is for those that do work once at load, such as transforming weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from opt_tool.ir import Node, Operands, Operation

Arrays: TypeAlias = Operands[np.ndarray]
Result: TypeAlias = np.ndarray | Sequence[np.ndarray]
Compute: TypeAlias = Callable[[Arrays], Result]
Binder: TypeAlias = Callable[[Node, "Settings"], Compute]

O = TypeVar("O", bound=Operation)  # noqa: E741
N = TypeVar("N", bound=Operation)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a graph is to be run."""

    threads: int = 1


BINDERS: dict[type[Operation], Binder] = {}


def computes(
    op_type: type[O],
) -> Callable[[Callable[[O, Arrays], Result]], Callable[[O, Arrays], Result]]:
    """Register ``function(op, arrays)`` as what runs an operation."""

    def register(function: Callable[[O, Arrays], Result]) -> Callable[[O, Arrays], Result]:
        def bind(node: Node, settings: Settings) -> Compute:  # noqa: ARG001
            op = node.op
            assert isinstance(op, op_type)
            return lambda arrays: function(op, arrays)

        _add(op_type, bind)
        return function

    return register


def prepares(op_type: type[Operation]) -> Callable[[Binder], Binder]:
    """Register ``function(node, settings)`` that returns what runs the node."""

    def register(binder: Binder) -> Binder:
        _add(op_type, binder)
        return binder

    return register


def _add(op_type: type[Operation], binder: Binder) -> None:
    if op_type in BINDERS:
        raise TypeError(f"{op_type.__name__} is bound twice")
    BINDERS[op_type] = binder


def bind(node: Node, settings: Settings) -> Compute:
    """What runs a node; raises KeyError for an operation without a kernel (a fault of ours)."""
    return BINDERS[type(node.op)](node, settings)


def as_results(result: Result) -> Sequence[np.ndarray]:
    """The outputs of a computation in slot order."""
    return (result,) if isinstance(result, np.ndarray) else result
