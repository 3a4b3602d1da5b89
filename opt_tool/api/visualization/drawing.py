"""A graph as plain data for drawing: boxes, arrows and what a click on a box shows.

All texts come from the model as they are; whoever writes them into a format escapes them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opt_tool.api import cost
from opt_tool.api.operator_listing import library
from opt_tool.api.visualization.weights import WeightPicture, picture_of
from opt_tool.ir import Graph, Node, Value
from opt_tool.targets import LiteVersion, Target

INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One operand or result of a box."""

    slot: str
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; ``default`` is whether it has the value that it has when it is not given."""

    name: str
    value: str
    default: bool


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or an input or output of the graph.

    ``kind`` is the family of the operation, which the colour shows. ``sources`` are the nodes
    of the source model that it comes from, ``passes`` the passes that made it.
    """

    name: str
    op: str
    kind: str
    caption: str
    kernel: str | None = None
    library: str | None = None
    attributes: tuple[Attribute, ...] = ()
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    weights: tuple[WeightPicture, ...] = ()
    parameters: int = 0
    parameter_bytes: int = 0
    bits: int | None = None
    macs: int | None = 0
    sources: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """A tensor on its way from one box to another, by their places in the list."""

    tail: int
    head: int
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """One graph; ``facts`` are about the whole of it, in the order to show them."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


def draw(
    graph: Graph,
    title: str,
    *,
    target: Target | None = None,
    version: LiteVersion | None = None,
    sqnr_db: Mapping[str, float | None] | None = None,
) -> Drawing:
    """Draw a graph.

    Args:
        graph: What to draw.
        title: What to call it.
        target: What its kernels are for; with ``version`` the library is named that has them.
        version: The runtime's version.
        sqnr_db: What a quantizer measured of the weight of each node, by the node's name.
    """
    painter = _Painter(target, version, {} if sqnr_db is None else sqnr_db)
    boxes: list[Box] = []
    made_by: dict[Value, int] = {}
    arrows: list[Arrow] = []
    for value in graph.inputs:
        made_by[value] = len(boxes)
        boxes.append(_edge_of_graph(value, INPUT))
    for node in graph.nodes:
        arrows += _arrows(node.inputs.flat(), made_by, len(boxes))
        made_by.update(dict.fromkeys(node.outputs.flat(), len(boxes)))
        boxes.append(painter.box(node))
    for value in graph.outputs:
        arrows += _arrows((value,), made_by, len(boxes))
        boxes.append(_edge_of_graph(value, OUTPUT))
    return Drawing(title, tuple(boxes), tuple(arrows), dict(_facts(graph)))


def _arrows(
    values: Iterator[Value] | tuple[Value], made_by: Mapping[Value, int], head: int
) -> list[Arrow]:
    """One arrow for each box that something comes from."""
    tails: dict[int, list[str]] = {}
    for value in values:
        if value in made_by:
            tails.setdefault(made_by[value], []).append(shape_text(value))
    return [Arrow(tail, head, ", ".join(dict.fromkeys(texts))) for tail, texts in tails.items()]


def _edge_of_graph(value: Value, kind: str) -> Box:
    tensor = Tensor("", value.name, str(value.type))
    inputs, outputs = ((), (tensor,)) if kind == INPUT else ((tensor,), ())
    return Box(value.name, kind, kind, shape_text(value), inputs=inputs, outputs=outputs)


def shape_text(value: Value) -> str:
    """``1×3×224×224``, with the type where it is not the usual one."""
    shape = "×".join(map(str, value.shape)) if value.shape else "scalar"
    return shape if value.dtype.value == "float32" else f"{shape} {value.dtype.value}"


@dataclass(frozen=True, slots=True)
class _Painter:
    """Makes boxes of nodes."""

    target: Target | None
    version: LiteVersion | None
    sqnr_db: Mapping[str, float | None]

    def box(self, node: Node) -> Box:
        return Box(
            name=node.name,
            op=node.op.type,
            kind=type(node.op).__module__.rpartition(".")[2],
            caption=_caption(node),
            kernel=node.kernel,
            library=self._library(node),
            attributes=tuple(_attributes(node)),
            inputs=tuple(_tensors(node.inputs)),
            outputs=tuple(_tensors(node.outputs)),
            weights=tuple(self._weights(node)),
            parameters=cost.parameters(node),
            parameter_bytes=cost.parameter_bytes(node),
            bits=cost.bits(node),
            macs=cost.macs(node),
            sources=tuple(f"{source.operator} {source.name}".strip() for source in node.sources),
            passes=node.passes,
        )

    def _library(self, node: Node) -> str | None:
        if node.kernel is None or self.target is None or self.version is None:
            return None
        return library(node.op.type, node.kernel, self.target, self.version)

    def _weights(self, node: Node) -> Iterator[WeightPicture]:
        for slot, values in node.inputs.items():
            for value in values:
                if value.is_constant:
                    yield picture_of(slot, value, self.sqnr_db.get(node.name))


def _caption(node: Node) -> str:
    """The size of a filter where there is one, and the shape of the output."""
    shape = shape_text(node.output)
    if "Filter" not in node.inputs:
        return shape
    return "×".join(map(str, node.input("Filter").shape[2:])) + f" → {shape}"


def _attributes(node: Node) -> Iterator[Attribute]:
    for name, value in node.op.attributes.items():
        yield Attribute(name, _plain_text(value), value == node.op.defaults[name])


def _plain_text(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_plain_text, value)) + "]"
    if isinstance(value, enum.Enum):
        return str(value.value)
    return value if isinstance(value, str) else repr(value)


def _tensors(operands: Mapping[str, tuple[Value, ...]]) -> Iterator[Tensor]:
    for slot, values in operands.items():
        for value in values:
            yield Tensor(slot, value.name, str(value.type))


def _facts(graph: Graph) -> Iterator[tuple[str, str]]:
    nodes = list(graph.nodes)
    constants = [value.data for value in graph.constants if value.data is not None]
    macs = cost.known_sum(map(cost.macs, nodes))
    yield "operators", f"{len(nodes):,}"
    yield "parameters", f"{sum(data.size for data in constants):,}"
    yield "parameter bytes", f"{sum(data.nbytes for data in constants):,}"
    if macs is not None:
        yield "multiply-accumulates", f"{macs:,}"
