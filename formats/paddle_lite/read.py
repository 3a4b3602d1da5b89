"""From a file to the graph, so that every command works on a finished .nb as on a source."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from opt_tool.errors import (
    DamagedFileError,
    UnsupportedError,
    UnsupportedModelError,
    UnsupportedOperatorError,
)
from opt_tool.formats.graph_inputs import add_input
from opt_tool.formats.paddle_lite.decode import read_file
from opt_tool.formats.paddle_lite.differences import DECODED, RENAMED
from opt_tool.formats.paddle_lite.fused_activation import decode_activation
from opt_tool.formats.paddle_lite.padding_algorithm import with_paddings
from opt_tool.formats.paddle_lite.schema import DTYPES, Block, OpDesc, Parameter, Var, VarType
from opt_tool.formats.paddle_lite.write import FEED, FETCH, KERNEL_ATTRIBUTE, SCALE_SUFFIX
from opt_tool.ir import (
    OPERATIONS,
    DType,
    Graph,
    Operation,
    Quantization,
    ShapeError,
    Source,
    TensorType,
    Value,
)


def read(path: Path) -> Graph:
    """Read a .nb file.

    Raises:
        DamagedFileError: when it is not a whole file of a version that is known.
        UnsupportedModelError: naming the operators that opt does not have.
    """
    file = read_file(path)
    if len(file.program.blocks) != 1:
        raise UnsupportedError(f"{path}: control flow in a .nb file is not supported")
    return _GraphReader(path, file.program.blocks[0], file.parameters).read()


class _GraphReader:
    """The state of reading one block: what each variable name means at the moment."""

    def __init__(self, path: Path, block: Block, parameters: tuple[Parameter, ...]) -> None:
        self.path = path
        self.block = block
        self.graph = Graph(path.stem)
        self.variables = {variable.name: variable for variable in block.variables}
        self.parameters = {parameter.name: parameter for parameter in parameters}
        self.values: dict[str, Value] = {}
        self.problems: list[UnsupportedOperatorError] = []
        self.missing: set[str] = set()

    def read(self) -> Graph:
        feeds = [op for op in self.block.operators if op.type == FEED]
        for op in sorted(feeds, key=_column):
            self._add_input(op)
        fetches = []
        for op in self.block.operators:
            if op.type == FETCH:
                fetches.append((_column(op), self._only(op.inputs, "X", op)))
            elif op.type != FEED and not self._reads_missing(op):
                self._add_operator(op)
        if self.problems:
            raise UnsupportedModelError(tuple(self.problems))
        for _, name in sorted(fetches):
            value = self._value(name)
            if value in self.graph.outputs:
                raise DamagedFileError(self.path, f"variable {name!r} is two outputs")
            self.graph.outputs.append(value)
        return self.graph

    def _add_input(self, op: OpDesc) -> None:
        name = self._only(op.outputs, "Out", op)
        variable = self._variable(name)
        if variable.dtype is None or name in self.values:
            raise DamagedFileError(self.path, f"variable {name!r} cannot be an input")
        shape = tuple(
            dim if dim >= 0 else f"{name}.{axis}" for axis, dim in enumerate(variable.shape)
        )
        type = TensorType(DType(variable.dtype), shape)
        self.values[name] = add_input(self.graph, self.path, name, type)

    def _only(self, arguments: Mapping[str, tuple[str, ...]], slot: str, op: OpDesc) -> str:
        """The one variable of a slot."""
        names = arguments.get(slot, ())
        if len(names) != 1:
            raise DamagedFileError(self.path, f"{op.type} has {len(names)} variables, not one")
        return names[0]

    def _variable(self, name: str) -> Var:
        if name not in self.variables:
            raise DamagedFileError(self.path, f"variable {name!r} is not declared")
        return self.variables[name]

    def _value(self, name: str) -> Value:
        """The value that a variable holds at this point of the program."""
        if name not in self.values:
            if name not in self.parameters:
                raise DamagedFileError(self.path, f"variable {name!r} is read before it is made")
            self.values[name] = self.graph.add_constant(name, self.parameters[name].data)
        return self.values[name]

    def _reads_missing(self, op: OpDesc) -> bool:
        """Whether an operator needs what one that opt lacks would have made."""
        arguments = {name for names in op.inputs.values() for name in names}
        if self.missing.isdisjoint(arguments):
            return False
        self.missing.update(name for names in op.outputs.values() for name in names)
        return True

    def _add_operator(self, op: OpDesc) -> None:
        name = next((names[0] for names in op.outputs.values() if names), op.type)
        try:
            self._add_known_operator(op, name)
        except UnsupportedOperatorError as error:
            self.problems.append(error)
            self.missing.update(name for names in op.outputs.values() for name in names)
        except ShapeError as error:
            raise DamagedFileError(self.path, f"{op.type} that makes {name!r}: {error}") from error

    def _add_known_operator(self, op: OpDesc, name: str) -> None:
        kind = OPERATIONS.get(op.type)
        if kind is None:
            raise UnsupportedOperatorError(op.type, name, "opt has no such operation")
        plain = {key: attribute.value for key, attribute in op.attributes.items()}
        inputs = {
            slot.name: [self._operand(op, plain, argument) for argument in op.inputs[slot.name]]
            for slot in kind.inputs
            if op.inputs.get(slot.name)
        }
        made = _made(op, kind, name)
        unique = [self.graph.unique_name(argument) for argument in made]
        node = self.graph.add(
            with_paddings(operation_of(kind, plain, name), plain, inputs, name),
            inputs,
            name=name,
            outputs=unique,
            sources=(Source(op.type, name),),
        )
        kernel = plain.get(KERNEL_ATTRIBUTE)
        node.kernel = None if kernel is None else str(kernel)
        outputs = tuple(node.outputs.flat())
        if len(outputs) != len(made):
            raise ShapeError(f"it makes {len(outputs)} outputs, not {len(made)}")
        self.values.update(zip(made, outputs, strict=True))

    def _operand(self, op: OpDesc, plain: Mapping[str, object], name: str) -> Value:
        value = self._value(name)
        scales = plain.get(f"{name}{SCALE_SUFFIX}")
        if scales is not None and value.data is not None and value.quantization is None:
            axis = 0 if op.type.endswith("conv2d") else 1
            value.quantization = _quantization(name, value.data, scales, axis)
            value.type = TensorType(DType.FLOAT32, value.shape)
        return value


def _quantization(name: str, data: np.ndarray, scales: object, axis: int) -> Quantization:
    """How stored integers become numbers: one scale for each row or column."""
    numbers = np.array(scales if isinstance(scales, tuple) else (), np.float32)
    fits = data.ndim > axis and numbers.size in (1, data.shape[axis])
    if data.dtype not in (np.int8, np.int16) or not fits:
        raise ShapeError(
            f"weight {name!r}, {data.dtype} of {list(data.shape)}, does not take "
            f"{numbers.size} scales along axis {axis}"
        )
    return Quantization(8 if data.dtype == np.int8 else 16, numbers, axis)


def _made(op: OpDesc, kind: type[Operation], name: str) -> list[str]:
    """The variables that an operator writes, with a name for each that the file leaves out."""
    made: list[str] = []
    for slot in kind.outputs:
        names = op.outputs.get(slot.name, ())
        if len(names) > 1 and not slot.variadic:
            raise ShapeError(f"slot {slot.name!r} holds {len(names)} variables")
        made.extend(names or (() if slot.variadic else (f"{name}.{slot.name}",)))
    return made


def _column(op: OpDesc) -> int:
    """The position of an input or output among its like."""
    attribute = op.attributes.get("col")
    return attribute.value if attribute is not None and isinstance(attribute.value, int) else 0


def operation_of(kind: type[Operation], plain: Mapping[str, Any], name: str) -> Operation:
    """The operation that an operator's attributes in plain values mean.

    Raises:
        UnsupportedOperatorError: when an attribute has a value that opt does not know.
    """
    renamed, decoded = RENAMED.get(kind.type, {}), DECODED.get(kind.type, {})
    attributes: dict[str, Any] = {}
    for attribute in kind.defaults:
        stored = renamed.get(attribute, attribute)
        if attribute == "activation":
            attributes[attribute] = _activation(kind.type, plain, name)
        elif stored in plain:
            dtypes = _dtype_fields(kind.type)
            convert = decoded.get(attribute, dtypes.get(attribute, _unchanged))
            attributes[attribute] = convert(plain[stored])
    try:
        return kind(**attributes)
    except TypeError as error:
        raise UnsupportedOperatorError(
            kind.type, name, f"an attribute is missing: {error}"
        ) from error


def _unchanged(value: Any) -> Any:
    return value


def _dtype(number: object) -> DType | None:
    """An element type from its number; a negative one leaves the choice to the operator."""
    if isinstance(number, int) and number < 0:
        return None
    if (
        not isinstance(number, int)
        or number not in VarType.__members__.values()
        or VarType(number) not in DTYPES
    ):
        raise ShapeError(f"{number!r} is no type of elements")
    return DType(DTYPES[VarType(number)])


@functools.cache
def _dtype_fields(op_type: str) -> Mapping[str, Callable[[object], DType | None]]:
    """The fields of an operation that are element types, which the file has as numbers."""
    hints = get_type_hints(OPERATIONS[op_type])
    return {name: _dtype for name, hint in hints.items() if DType in (hint, *get_args(hint))}


def _activation(op_type: str, plain: Mapping[str, object], name: str) -> Operation | None:
    try:
        return decode_activation(op_type, plain)
    except KeyError as error:
        raise UnsupportedOperatorError(
            op_type, name, f"its fused activation {error} is not supported"
        ) from error
