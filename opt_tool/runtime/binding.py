"""From operations to kernels: one table, filled by three decorators.

The operations of a family are bound in the module of ``runtime/bindings`` that has the name of
theirs; it is imported when the first of them is asked for, and with it the kernels.

``computes`` is for operations that need nothing but their attributes and operands;
``writes`` is for those among them that write into memory they are given;
``prepares`` is for those that do work once at load, such as transforming weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np

from opt_tool.errors import UsageError
from opt_tool.ir import Node, Operands, Operation, TensorType
from opt_tool.kernels.calls import Call

Arrays: TypeAlias = Operands[np.ndarray]
Out: TypeAlias = np.ndarray | None
"""Where to write the output, or None to make an array for it."""

Result: TypeAlias = np.ndarray | Sequence[np.ndarray]
Compute: TypeAlias = Callable[[Arrays, Out], Result]
Binder: TypeAlias = Callable[[Node, "Settings"], Compute]


@runtime_checkable
class Prepared(Protocol):
    """A computation that keeps weights made ready beside the graph's own."""

    @property
    def prepared_bytes(self) -> int:
        """Their bytes."""

    @property
    def replaced(self) -> tuple[str, ...]:
        """The slots of constants of which only the shape is read from now on."""


@runtime_checkable
class Capturable(Protocol):
    """A computation that can hand over its calls for operands that stay where they are."""

    def workspace_bytes(self, types: Operands[TensorType]) -> int | None:
        """How much memory its calls need beside operands of these types.

        None where there are none to capture.
        """

    def capture(
        self, arrays: Arrays, out: np.ndarray, workspace: np.ndarray
    ) -> Iterable[Call] | None:
        """The calls that write to ``out``; None where operands do not lie as they should."""


ALGORITHMS = ("direct", "im2col", "winograd23", "winograd43", "winograd63")
"""How a convolution that is neither 1x1 nor depthwise can be computed."""

POLICIES = ("cost", "paddle-lite")
"""Who chooses where no algorithm is forced: our cost model or Paddle Lite's rule."""

O = TypeVar("O", bound=Operation)  # noqa: E741
N = TypeVar("N", bound=Operation)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a graph is to be run.

    Attributes:
        threads: How many threads BLAS may use.
        conv_algorithm: One of ALGORITHMS for every convolution that it can compute.
        conv_policy: One of POLICIES, for all other convolutions.
        as_stored: Whether weights are multiplied as they are stored, where they can be, rather than
            laid out for BLAS: they may be larger than the memory.
    """

    threads: int = 1
    conv_algorithm: str | None = None
    conv_policy: str = POLICIES[0]
    as_stored: bool = False

    def __post_init__(self) -> None:
        if self.conv_algorithm not in (None, *ALGORITHMS):
            raise UsageError(
                f"no algorithm is called {self.conv_algorithm!r}; there are {', '.join(ALGORITHMS)}"
            )
        if self.conv_policy not in POLICIES:
            raise UsageError(
                f"no policy is called {self.conv_policy!r}; there are {', '.join(POLICIES)}"
            )


class Binding(NamedTuple):
    """What runs an operation.

    Attributes:
        binder: Makes a node ready to run.
        writes: Whether it writes its one output into memory that it is given.
        in_place: The slots of operands that the output may overwrite.
    """

    binder: Binder
    writes: bool = False
    in_place: tuple[str, ...] = ()


_BINDINGS: dict[type[Operation], Binding] = {}


def computes(
    op_type: type[O],
) -> Callable[[Callable[[O, Arrays], Result]], Callable[[O, Arrays], Result]]:
    """Register ``function(op, arrays)`` as what runs an operation."""

    def register(function: Callable[[O, Arrays], Result]) -> Callable[[O, Arrays], Result]:
        def bind(node: Node, settings: Settings) -> Compute:  # noqa: ARG001
            op = node.op
            assert isinstance(op, op_type)
            return lambda arrays, out: function(op, arrays)  # noqa: ARG005

        _add(op_type, Binding(bind))
        return function

    return register


def writes(
    op_type: type[O], *, in_place: tuple[str, ...] = ()
) -> Callable[[Callable[[O, Arrays, Out], np.ndarray]], Callable[[O, Arrays, Out], np.ndarray]]:
    """Register ``function(op, arrays, out)``, which writes to ``out`` and returns it.

    Without ``out``, and where that is no use, it returns an array of its own; never one
    that is a part of an operand.
    ``in_place`` names the slots whose array ``out`` may be, if shape and dtype are the same.
    """

    def register(
        function: Callable[[O, Arrays, Out], np.ndarray],
    ) -> Callable[[O, Arrays, Out], np.ndarray]:
        def bind(node: Node, settings: Settings) -> Compute:  # noqa: ARG001
            op = node.op
            assert isinstance(op, op_type)
            return lambda arrays, out: function(op, arrays, out)

        _add(op_type, Binding(bind, writes=True, in_place=in_place))
        return function

    return register


def prepares(
    op_type: type[Operation], *, in_place: tuple[str, ...] = ()
) -> Callable[[Binder], Binder]:
    """Register ``binder(node, settings)``; what it returns writes as in ``writes``."""

    def register(binder: Binder) -> Binder:
        _add(op_type, Binding(binder, writes=True, in_place=in_place))
        return binder

    return register


def _add(op_type: type[Operation], binding: Binding) -> None:
    if op_type in _BINDINGS:
        raise TypeError(f"{op_type.__name__} is bound twice")
    _BINDINGS[op_type] = binding


def binding_of(op: Operation) -> Binding:
    """What runs an operation; raises KeyError for one without a kernel (a fault of ours)."""
    op_type = type(op)
    if op_type not in _BINDINGS:
        family = op_type.__module__.rpartition(".")[2]
        importlib.import_module(f"opt_tool.runtime.bindings.{family}")
    return _BINDINGS[op_type]


def bind(node: Node, settings: Settings) -> Compute:
    """A node made ready to run; raises as ``binding_of`` does."""
    return binding_of(node.op).binder(node, settings)


def as_results(result: Result) -> Sequence[np.ndarray]:
    """The outputs of a computation in slot order."""
    return (result,) if isinstance(result, np.ndarray) else result


def run_node(node: Node, inputs: Operands[np.ndarray], settings: Settings) -> list[np.ndarray]:
    """Compute one node outside a graph run."""
    return list(as_results(bind(node, settings)(inputs, None)))
