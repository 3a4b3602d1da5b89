"""The graph: values, the nodes that make them, and the only place that changes edges.

Edges are objects and right at every moment: ``Value.producer`` is the node that makes it,
``Value.users`` are the nodes that read it. Nodes stand in a linked list, so that a rewrite
puts its result where the old nodes stood at no cost.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from opt_tool.ir.attributes import check_attributes, check_results
from opt_tool.ir.operation import UNKNOWN, Operands, Operation, ShapeError, Slot
from opt_tool.ir.outputs import Outputs
from opt_tool.ir.types import Dim, DType, Shape, TensorType

ELEMENTS_LIMIT = 64
"""Integer tensors of more elements than this are not taken for shapes."""


class Source(NamedTuple):
    """A node of the source model that an operation came from."""

    operator: str
    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Quantization:
    """How stored integers become numbers: ``scales`` along ``axis`` times the integer.

    ``bits`` is the width of the integers that the file holds, 8 or 16.
    """

    bits: int
    scales: np.ndarray
    axis: int


def along(numbers: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """A vector in the shape in which it broadcasts along one axis of an array of that rank."""
    shape = [1] * rank
    shape[axis] = -1
    return numbers.reshape(shape)


class Value:
    """A tensor: a graph input, the output of a node, or a constant."""

    __slots__ = ("_elements", "_users", "data", "name", "producer", "quantization", "type")

    def __init__(self, name: str, type: TensorType, data: np.ndarray | None = None) -> None:
        self.name = name
        self.type = type
        self.data = data
        self.quantization: Quantization | None = None
        self.producer: Node | None = None
        self._users: dict[Node, int] = {}
        self._elements: tuple[Dim, ...] | None = None

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type}"

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def rank(self) -> int:
        return len(self.type.shape)

    @property
    def users(self) -> tuple[Node, ...]:
        """The nodes that read this value, each once."""
        return tuple(self._users)

    @property
    def user_count(self) -> int:
        """How many nodes read this value."""
        return len(self._users)

    def is_read_by(self, node: Node) -> bool:
        return node in self._users

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def elements(self) -> tuple[Dim, ...] | None:
        """The elements of a small integer scalar or vector, as far as they are known."""
        if self._elements is not None or self.data is None or not self.dtype.is_integer:
            return self._elements
        if self.rank <= 1 and self.data.size <= ELEMENTS_LIMIT:
            self._elements = tuple(int(x) for x in self.data.reshape(-1))
        return self._elements

    @elements.setter
    def elements(self, elements: tuple[Dim, ...] | None) -> None:
        self._elements = elements

    def array(self) -> np.ndarray:
        """The contents of a constant, quantized weights restored as the runtime does it.

        Raises:
            ValueError: when the value is computed at run time.
        """
        if self.data is None:
            raise ValueError(f"value {self.name!r} is not a constant")
        if self.quantization is None:
            return self.data
        scales = along(self.quantization.scales, self.quantization.axis, self.data.ndim)
        return self.data.astype(np.float32) * scales


InputsLike: TypeAlias = Mapping[str, "Value | Sequence[Value] | None"]


class Node:
    """One operation at its place in the graph."""

    __slots__ = (
        "_next",
        "_previous",
        "graph",
        "inputs",
        "kernel",
        "name",
        "op",
        "outputs",
        "passes",
        "sources",
    )

    def __init__(self, graph: Graph, name: str, op: Operation, sources: tuple[Source, ...]) -> None:
        self.graph: Graph | None = graph
        self.name = name
        self.op = op
        self.inputs: Operands[Value] = Operands({})
        self.outputs: Operands[Value] = Operands({})
        self.sources = sources
        self.passes: tuple[str, ...] = ()
        self.kernel: str | None = None
        self._previous: Node = self
        self._next: Node = self

    def __repr__(self) -> str:
        return f"<{self.op.type} {self.name!r}>"

    def input(self, slot: str) -> Value:
        return self.inputs.one(slot)

    @property
    def output(self) -> Value:
        """The first output."""
        return next(self.outputs.flat())


class Graph:
    """Inputs, constants, nodes in execution order, and outputs."""

    def __init__(self, name: str = "model") -> None:
        self.name = name
        self.inputs: list[Value] = []
        self._outputs = Outputs()
        self.values: dict[str, Value] = {}
        self._head = Node(self, "", Operation(), ())
        self._node_names: set[str] = set()
        self._kinds: Counter[type[Operation]] = Counter()
        self._name_counts: dict[str, int] = {}

    # ---- reading

    @property
    def nodes(self) -> Iterator[Node]:
        """The nodes in execution order; the current one may be replaced while iterating."""
        node = self._head._next
        while node is not self._head:
            following = node._next
            yield node
            node = following if following.graph is self else self._after(node)

    def __len__(self) -> int:
        return len(self._node_names)

    def has(self, kinds: tuple[type[Operation], ...]) -> bool:
        """Whether a node has one of these operations."""
        return any(count > 0 and issubclass(kind, kinds) for kind, count in self._kinds.items())

    @property
    def outputs(self) -> Outputs:
        """What the graph computes, in order."""
        return self._outputs

    @outputs.setter
    def outputs(self, values: Iterable[Value]) -> None:
        self._outputs = Outputs(values)

    @property
    def constants(self) -> tuple[Value, ...]:
        """The constants that a node or an output reads."""
        return tuple(
            value
            for value in self.values.values()
            if value.is_constant and (value._users or self.is_output(value))
        )

    def is_input(self, value: Value) -> bool:
        return value.producer is None and not value.is_constant

    def is_output(self, value: Value) -> bool:
        return value in self.outputs

    def read_once(self, value: Value) -> bool:
        """Whether one operand of one node is all that reads the value."""
        counts = value._users.values()  # may be long: a sum would make passes quadratic
        return len(counts) == 1 and next(iter(counts)) == 1 and not self.is_output(value)

    def unique_name(self, base: str) -> str:
        """A name that no value has, made from ``base``."""
        return self._first_free(base, self.values)

    # ---- building

    def add_input(self, name: str, type: TensorType) -> Value:
        value = self._new_value(name, type)
        self.inputs.append(value)
        return value

    def add_constant(
        self, name: str, array: np.ndarray, quantization: Quantization | None = None
    ) -> Value:
        """A constant; its name is made unique. The array is not copied."""
        dtype = DType.of(array.dtype) if quantization is None else DType.FLOAT32
        value = self._new_value(self.unique_name(name), TensorType(dtype, array.shape))
        value.data = array
        value.quantization = quantization
        return value

    def add(
        self,
        op: Operation,
        inputs: InputsLike,
        *,
        name: str | None = None,
        outputs: Sequence[str] = (),
        sources: Iterable[Source] = (),
        before: Node | None = None,
    ) -> Node:
        """Add a node at the end, or before another one.

        Args:
            op: What it computes.
            inputs: The operands by slot; an empty or optional slot may be None.
            name: The node's name; made unique, by default from the operation.
            outputs: Names for the outputs, in slot order; made unique.
            sources: The source nodes that this one comes from.
            before: The node to put it in front of.

        Raises:
            ShapeError: when the operands do not fit the operation.
        """
        check_attributes(op)
        operands = _operands(op, inputs)
        types = op.infer(operands)
        check_results(op, types)
        if len(outputs) > len(types):
            raise ShapeError(f"{op.type} makes {len(types)} outputs, not {len(outputs)}")
        base = name or (outputs[0] if outputs else op.type)
        node = Node(self, self._claim_node_name(base), op, tuple(sources))
        self._insert(node, before if before is not None else self._head)
        self._connect(node, operands)
        names = list(outputs) + [f"{node.name}.out" for _ in types[len(outputs) :]]
        made = [
            self._new_value(self.unique_name(label), type)
            for label, type in zip(names, types, strict=True)
        ]
        self._set_outputs(node, made)
        if len(made) == 1:
            made[0].elements = op.infer_elements(operands)
        return node

    # ---- rewriting

    def replace_uses(self, old: Value, new: Value) -> None:
        """Let everything that reads ``old`` read ``new``.

        When ``old`` is a graph output, ``new`` takes its place and its name; it may then
        not be a graph input, a constant or another output.
        """
        for node in old.users:
            self._reconnect(node, node.inputs.map(lambda value: new if value is old else value))
        if not self.is_output(old):
            return
        if new.producer is None or self.is_output(new):
            raise ValueError(f"{new.name!r} cannot take the place of output {old.name!r}")
        self.outputs.replace(old, new)
        self._swap_names(old, new)

    def can_replace(self, old: Value, new: Value) -> bool:
        """Whether ``replace_uses`` may be called."""
        return not self.is_output(old) or (new.producer is not None and not self.is_output(new))

    def replace_inputs(self, node: Node, inputs: InputsLike) -> None:
        """Give a node other operands and infer its outputs' types again."""
        self._reconnect(node, _operands(node.op, inputs))
        self.infer(node)

    def replace(self, node: Node, op: Operation, inputs: InputsLike) -> Node:
        """Put another operation in a node's place; the outputs stay the same objects."""
        return self.fuse((node,), op, inputs)

    def fuse(self, nodes: Sequence[Node], op: Operation, inputs: InputsLike) -> Node:
        """Replace ``nodes`` by one that makes the outputs of the last of them.

        The outputs stay the same objects with the same names. Nothing else may read what
        the other nodes make.
        """
        last = nodes[-1]
        outputs = list(last.outputs.flat())
        sources = tuple(dict.fromkeys(source for node in nodes for source in node.sources))
        fused = Node(self, last.name, op, sources)
        fused.passes = tuple(dict.fromkeys(name for node in nodes for name in node.passes))
        self._insert(fused, last)
        self._connect(fused, _operands(op, inputs))
        last.outputs = Operands({})
        for node in reversed(nodes):
            self.remove(node)
        self._node_names.add(fused.name)
        self._set_outputs(fused, outputs)
        self.infer(fused)
        return fused

    def remove(self, node: Node) -> None:
        """Take out a node whose outputs nobody reads."""
        for value in node.outputs.flat():
            if value._users or self.is_output(value):
                raise ValueError(f"{value.name!r}, made by {node.name!r}, is still read")
            del self.values[value.name]
            value.producer = None
        self._disconnect(node)
        node._previous._next = node._next
        node._next._previous = node._previous
        node.graph = None
        self._node_names.discard(node.name)
        self._kinds[type(node.op)] -= 1

    def reorder(self, nodes: Iterable[Node]) -> None:
        """Execute the nodes, all of the graph's, in another order that makes what each reads."""
        for node in nodes:
            node._previous._next = node._next
            node._next._previous = node._previous
            self._link(node, self._head)

    def freeze(self, node: Node, arrays: Sequence[np.ndarray]) -> None:
        """Replace a node by what it computes: its outputs become constants."""
        for value, array in zip(tuple(node.outputs.flat()), arrays, strict=True):
            value.data = array
            value.type = TensorType(DType.of(array.dtype), array.shape)
            value.elements = None
            value.producer = None
        node.outputs = Operands({})
        self.remove(node)

    def remove_unused(self) -> int:
        """Take out nodes and constants that no output needs; return how many nodes."""
        count = 0
        node = self._head._previous
        while node is not self._head:
            previous = node._previous
            if all(self._is_unused(value) for value in node.outputs.flat()):
                self.remove(node)
                count += 1
            node = previous
        constants = [value for value in self.values.values() if value.data is not None]
        for value in constants:
            if self._is_unused(value):
                del self.values[value.name]
        return count

    def _is_unused(self, value: Value) -> bool:
        return not value._users and value not in self._outputs

    def rename(self, value: Value, name: str) -> None:
        """Give a value a name that nothing else has."""
        if name in self.values:
            raise ValueError(f"the name {name!r} is taken")
        del self.values[value.name]
        value.name = name
        self.values[name] = value

    def infer(self, node: Node) -> None:
        """Infer the types of a node's outputs again."""
        types = node.op.infer(node.inputs)
        made = list(node.outputs.flat())
        for value, type in zip(made, types, strict=True):
            value.type = with_symbols(type, value.name)
        if len(made) == 1:
            made[0].elements = node.op.infer_elements(node.inputs)

    # ---- edges

    def _after(self, node: Node) -> Node:
        """The node that follows one whose successor was removed meanwhile."""
        while node.graph is not self:
            node = node._previous
        return node._next

    def _claim_node_name(self, base: str) -> str:
        name = self._first_free(base, self._node_names)
        self._node_names.add(name)
        return name

    def _first_free(self, base: str, taken: Container[str]) -> str:
        name = base
        while name in taken:
            count = self._name_counts.get(base, 0) + 1
            self._name_counts[base] = count
            name = f"{base}.{count}"
        return name

    def _new_value(self, name: str, type: TensorType) -> Value:
        if name in self.values:
            raise ValueError(f"the name {name!r} is taken")
        value = Value(name, with_symbols(type, name))
        self.values[name] = value
        return value

    def _swap_names(self, old: Value, new: Value) -> None:
        old.name, new.name = new.name, old.name
        self.values[old.name] = old
        self.values[new.name] = new

    def _insert(self, node: Node, before: Node) -> None:
        self._kinds[type(node.op)] += 1
        self._link(node, before)

    def _link(self, node: Node, before: Node) -> None:
        node._previous = before._previous
        node._next = before
        before._previous._next = node
        before._previous = node

    def _connect(self, node: Node, operands: Operands[Value]) -> None:
        node.inputs = operands
        for value in operands.flat():
            value._users[node] = value._users.get(node, 0) + 1

    def _disconnect(self, node: Node) -> None:
        for value in node.inputs.flat():
            value._users.pop(node, None)
        node.inputs = Operands({})

    def _reconnect(self, node: Node, operands: Operands[Value]) -> None:
        self._disconnect(node)
        self._connect(node, operands)

    def _set_outputs(self, node: Node, made: Sequence[Value]) -> None:
        for value in made:
            value.producer = node
        node.outputs = _distribute(node.op, made)


def _operands(op: Operation, inputs: InputsLike) -> Operands[Value]:
    """Check operands against the slots of an operation and put them in slot order."""
    known = _slot_names(type(op))  # type: ignore[arg-type]  # a class has a hash
    for name in inputs:
        if name not in known:
            raise ShapeError(f"{op.type} has no input slot {name!r}")
    return Operands({slot.name: _filled(op, slot, inputs.get(slot.name)) for slot in op.inputs})


@functools.cache
def _slot_names(kind: type[Operation]) -> frozenset[str]:
    return frozenset(slot.name for slot in kind.inputs)


def _filled(op: Operation, slot: Slot, given: Value | Sequence[Value] | None) -> tuple[Value, ...]:
    operands = () if given is None else (given,) if isinstance(given, Value) else tuple(given)
    if not operands and not slot.optional:
        raise ShapeError(f"{op.type} needs a value in slot {slot.name!r}")
    if len(operands) > 1 and not slot.variadic:
        raise ShapeError(f"{op.type} takes one value in slot {slot.name!r}, not {len(operands)}")
    return operands


def _distribute(op: Operation, made: Sequence[Value]) -> Operands[Value]:
    """Put outputs into their slots; a variadic slot takes what the others leave."""
    if len(op.outputs) == 1:
        return Operands({op.outputs[0].name: tuple(made)})
    spare = len(made) - sum(not slot.variadic for slot in op.outputs)
    filled: dict[str, tuple[Value, ...]] = {}
    position = 0
    for slot in op.outputs:
        count = spare if slot.variadic else 1
        filled[slot.name] = tuple(made[position : position + count])
        position += count
    return Operands(filled)


def with_symbols(type: TensorType, name: str) -> TensorType:
    """Give each dimension that only the run knows a symbol of its own."""
    if UNKNOWN not in type.shape:
        return type
    return type.with_shape(
        f"{name}.{axis}" if dim == UNKNOWN else dim for axis, dim in enumerate(type.shape)
    )
