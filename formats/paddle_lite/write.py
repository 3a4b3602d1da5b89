"""From the graph to a file: operations become operator descriptions, constants parameters.

Every operator is checked against the operator table before it is written: a runtime on
ARM meets a missing attribute or one of another type without a message.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opt_tool.formats.paddle_lite.differences import ENCODED, FIXED, RENAMED, UNUSED_OUTPUTS
from opt_tool.formats.paddle_lite.encode import write_file
from opt_tool.formats.paddle_lite.fused_activation import encode_activation
from opt_tool.formats.paddle_lite.schema import (
    DATA_TYPES,
    Attribute,
    Block,
    File,
    OpDesc,
    Parameter,
    Program,
    Var,
    VarType,
)
from opt_tool.formats.paddle_lite.self_check import check_parameters
from opt_tool.ir import DType, Graph, Node, Operands, Value
from opt_tool.targets import AttributeType, LiteVersion, OperatorSpec, operator_spec

KERNEL_ATTRIBUTE = "__@kernel_type_attr@__"
FEED, FETCH = "feed", "fetch"
SCALE_SUFFIX = "_quant_scale"


def write(
    graph: Graph, path: Path, *, version: LiteVersion, names: Mapping[Value, str] | None = None
) -> None:
    """Write a graph whose nodes have kernels as one .nb file.

    The file is written beside its place and renamed: a graph that was read from it holds
    weights that still lie in the old one.

    Args:
        graph: The graph; every node has a kernel.
        path: The file to write.
        version: The runtime version that the file names.
        names: Variable names; values whose lives do not overlap may share one.

    Raises:
        UnsupportedError: when the model exceeds what the format can hold.
        FileAccessError: when a weight reads back other than it was written.
    """
    file = to_file(graph, version=version, names=names)
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")
    try:
        with part.open("xb") as stream:
            write_file(file, stream)
        check_parameters(part, file.parameters)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def to_file(
    graph: Graph, *, version: LiteVersion, names: Mapping[Value, str] | None = None
) -> File:
    """The file that a graph becomes; see ``write``."""
    variables = _variable_names(graph, {} if names is None else names)
    operators = (
        *_feeds(graph, variables),
        *_operators(graph, variables),
        *_fetches(graph, variables),
    )
    block = Block(variables=tuple(_variables(graph, variables)), operators=operators)
    parameters = tuple(
        Parameter(variables[value], value.data)
        for value in graph.constants
        if value.data is not None
    )
    return File(version=f"v{version}", program=Program((block,)), parameters=parameters)


# ---- names and variables


def _variable_names(graph: Graph, given: Mapping[Value, str]) -> dict[Value, str]:
    """A name for each value; those of the feed and fetch variables are taken."""
    taken = set(graph.values) | {FEED, FETCH}
    names: dict[Value, str] = {}
    for value in graph.values.values():
        name = given.get(value, value.name)
        while name in (FEED, FETCH) or (name in UNUSED_NAMES and name in taken):
            name = f"{name}.value"
        names[value] = name
    return names


UNUSED_NAMES = frozenset(slot for slots in UNUSED_OUTPUTS.values() for slot in slots)
"""Variables that take the outputs nobody reads; one for each slot name serves them all."""


def _variables(graph: Graph, names: Mapping[Value, str]) -> Iterator[Var]:
    yield Var(FEED, VarType.FEED_MINIBATCH, persistable=True)
    yield Var(FETCH, VarType.FETCH_LIST, persistable=True)
    seen: set[str] = set()
    for value in (*graph.inputs, *graph.constants, *_made(graph)):
        if names[value] not in seen:
            seen.add(names[value])
            yield _tensor_variable(names[value], value)
    unused = {slot for node in graph.nodes for slot in UNUSED_OUTPUTS.get(node.op.type, ())}
    for slot in sorted(unused):
        yield Var(slot, VarType.LOD_TENSOR, dtype=DType.FLOAT32.value, shape=(0,))


def _made(graph: Graph) -> Iterator[Value]:
    for node in graph.nodes:
        yield from node.outputs.flat()


def _tensor_variable(name: str, value: Value) -> Var:
    dtype = value.dtype.value if value.data is None else value.data.dtype.name
    return Var(
        name,
        VarType.LOD_TENSOR,
        persistable=value.is_constant,
        dtype=dtype,
        shape=tuple(dim if isinstance(dim, int) else -1 for dim in value.shape),
    )


# ---- operators


def _feeds(graph: Graph, names: Mapping[Value, str]) -> Iterator[OpDesc]:
    for column, value in enumerate(graph.inputs):
        yield _transfer(FEED, column, {"X": (FEED,)}, {"Out": (names[value],)})


def _fetches(graph: Graph, names: Mapping[Value, str]) -> Iterator[OpDesc]:
    for column, value in enumerate(graph.outputs):
        yield _transfer(FETCH, column, {"X": (names[value],)}, {"Out": (FETCH,)})


def _transfer(
    op_type: str,
    column: int,
    inputs: Mapping[str, tuple[str, ...]],
    outputs: Mapping[str, tuple[str, ...]],
) -> OpDesc:
    attributes = {
        "col": Attribute(AttributeType.INT, column),
        KERNEL_ATTRIBUTE: Attribute(AttributeType.STRING, f"{op_type}/def/1/4/2"),
    }
    return OpDesc(op_type, inputs, outputs, attributes)


def _operators(graph: Graph, names: Mapping[Value, str]) -> Iterator[OpDesc]:
    for node in graph.nodes:
        unused = {slot: (slot,) for slot in UNUSED_OUTPUTS.get(node.op.type, ())}
        yield OpDesc(
            node.op.type,
            _arguments(node.inputs, names),
            _arguments(node.outputs, names) | unused,
            _attributes(node, names),
        )


def _arguments(operands: Operands[Value], names: Mapping[Value, str]) -> dict[str, tuple[str, ...]]:
    return {slot: tuple(names[value] for value in values) for slot, values in operands.items()}


def _attributes(node: Node, names: Mapping[Value, str]) -> dict[str, Attribute]:
    assert node.kernel is not None, f"{node!r} has no kernel"
    spec = operator_spec(node.op.type)
    plain = plain_attributes(node)
    _check_complete(node, spec, plain)
    typed = {name: Attribute(spec.attributes[name], value) for name, value in plain.items()}
    typed[KERNEL_ATTRIBUTE] = Attribute(AttributeType.STRING, node.kernel)
    return typed | _quantization(node, names)


def _check_complete(node: Node, spec: OperatorSpec, plain: Mapping[str, Any]) -> None:
    """Hold that a node gives the runtime all that it demands and nothing that it ignores."""
    demanded = set(spec.attributes) - spec.optional_attributes
    assert demanded <= set(plain), f"{node!r} lacks {sorted(demanded - set(plain))}"
    unknown = set(plain) - set(spec.attributes)
    assert not unknown, f"{node!r}: {spec.type} has no attributes {sorted(unknown)}"
    given = {*node.inputs, *node.outputs, *UNUSED_OUTPUTS.get(node.op.type, ())}
    slots = {slot.name for slot in (*spec.inputs, *spec.outputs) if slot.required}
    assert slots <= given, f"{node!r} leaves {sorted(slots - given)} empty"


def plain_attributes(node: Node) -> dict[str, Any]:
    """The attributes of a node by their names in the file, in plain Python values."""
    op_type = node.op.type
    renamed, encoded = RENAMED.get(op_type, {}), ENCODED.get(op_type, {})
    plain: dict[str, Any] = {}
    for name, value in node.op.attributes.items():
        if name == "activation":
            plain |= encode_activation(op_type, value)
        elif value is not None:
            encode = encoded.get(name, _plain)
            plain[renamed.get(name, name)] = encode(value)
    return {**plain, **FIXED.get(op_type, {})}


def _plain(value: object) -> object:
    """A field as the file has it: element types are numbers there."""
    return int(DATA_TYPES[value.value]) if isinstance(value, DType) else value


def _quantization(node: Node, names: Mapping[Value, str]) -> dict[str, Attribute]:
    """How the runtime restores the weights of a node that are stored as integers."""
    quantized = [value for value in node.inputs.flat() if value.quantization is not None]
    attributes: dict[str, Attribute] = {}
    for value in quantized:
        assert value.quantization is not None
        scales = tuple(float(scale) for scale in value.quantization.scales)
        attributes |= {
            "quantize_weight_bits": Attribute(AttributeType.INT, value.quantization.bits),
            f"{names[value]}{SCALE_SUFFIX}": Attribute(AttributeType.FLOATS, scales),
        }
    return attributes
