"""From bytes to ``schema``; a file that is not whole or not sound is refused with a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from opt_tool.errors import DamagedFileError, FileAccessError, UnsupportedError
from opt_tool.formats.flatbuffer import Buffer, Table
from opt_tool.formats.tflite import layout
from opt_tool.formats.tflite.schema import (
    ABSENT,
    CUSTOM,
    Model,
    Operator,
    Option,
    Quantization,
    SparseLevel,
    Sparsity,
    Tensor,
    TensorType,
)
from opt_tool.ir.attributes import MAX_RANK

Damaged = Callable[[str], DamagedFileError]


def read_file(path: Path) -> Model:
    """Read a file; the weights stay views of its bytes.

    Raises:
        DamagedFileError: It is cut off, damaged or no .tflite file.
        FileAccessError: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileAccessError(path, f"cannot be read: {error.strerror}") from error
    return decode(memoryview(data), path)


def decode(data: memoryview, path: Path) -> Model:
    """The main graph of a file's bytes; ``path`` is for messages."""

    def damaged(problem: str) -> DamagedFileError:
        return DamagedFileError(
            path, f"not a whole TFLite model: {problem}; export or copy it again"
        )

    start = layout.IDENTIFIER_AT
    if bytes(data[start : start + 4]) != layout.IDENTIFIER:
        raise damaged("it does not begin as one")
    return _Decoder(data, path, damaged).model()


class _Decoder:
    """The state of decoding one file."""

    def __init__(self, data: memoryview, path: Path, damaged: Damaged) -> None:
        self.data = data
        self.path = path
        self.damaged = damaged

    def model(self) -> Model:
        root = Buffer(self.data, self.damaged).root()
        graphs = list(root.tables(layout.Model.SUBGRAPHS))
        if not graphs:
            raise self.damaged("it has no graph")
        codes = list(root.tables(layout.Model.OPERATOR_CODES))
        buffers = [self._bytes(buffer) for buffer in root.tables(layout.Model.BUFFERS)]
        main = self._graph(graphs[0], codes, buffers)
        branches: dict[int, Model] = {}
        left = _graphs_of(main)
        while left:
            index = left.pop()
            if not 0 <= index < len(graphs):
                raise self.damaged(f"it refers to graph {index} of {len(graphs)}")
            branches[index] = self._graph(graphs[index], codes, buffers)
            left |= _graphs_of(branches[index]) - set(branches)
        return dataclasses.replace(main, branches=branches)

    def _graph(self, graph: Table, codes: list[Table], buffers: list[memoryview]) -> Model:
        tensors = [self._tensor(t, buffers) for t in graph.tables(layout.SubGraph.TENSORS)]
        operators = graph.tables(layout.SubGraph.OPERATORS)
        model = Model(
            name=graph.string(layout.SubGraph.NAME),
            tensors=tuple(tensors),
            inputs=graph.scalars(layout.SubGraph.INPUTS, "i"),
            outputs=graph.scalars(layout.SubGraph.OUTPUTS, "i"),
            operators=tuple(self._operator(operator, codes) for operator in operators),
        )
        self._check_indices(model)
        return model

    def _bytes(self, buffer: Table) -> memoryview:
        """A buffer's bytes, which in large files stand behind the flatbuffer."""
        offset = buffer.scalar(layout.Buffer.OFFSET, "Q", 0)
        if offset <= 1:  # 1 is a placeholder of the writer
            return buffer.raw_bytes(layout.Buffer.DATA)
        end = offset + buffer.scalar(layout.Buffer.SIZE, "Q", 0)
        if end > len(self.data):
            raise self.damaged(f"it refers to byte {end} of {len(self.data)}")
        return self.data[offset:end]

    # ---- tensors

    def _tensor(self, table: Table, buffers: list[memoryview]) -> Tensor:
        name = table.string(layout.Tensor.NAME)
        shape = table.scalars(layout.Tensor.SHAPE, "i")
        if len(shape) > MAX_RANK or any(dim < 0 for dim in shape):
            raise self.damaged(f"tensor {name!r} has the shape {list(shape)[:MAX_RANK]}")
        buffer = table.scalar(layout.Tensor.BUFFER, "I", 0)
        if buffer >= max(len(buffers), 1):
            raise self.damaged(f"tensor {name!r} is in buffer {buffer} of {len(buffers)}")
        code = table.scalar(layout.Tensor.TYPE, "b", 0)
        try:
            type = TensorType(code)
        except ValueError:
            raise UnsupportedError(
                f"{self.path}: tensor {name!r} is of element type {code}, which opt does not know"
            ) from None
        return Tensor(
            name=name,
            type=type,
            shape=shape,
            data=buffers[buffer] if buffers else memoryview(b""),
            quantization=self._quantization(table.table(layout.Tensor.QUANTIZATION), name, shape),
            sparsity=self._sparsity(table.table(layout.Tensor.SPARSITY), name, shape),
            is_variable=table.scalar(layout.Tensor.IS_VARIABLE, "?", False),
            signature=table.scalars(layout.Tensor.SHAPE_SIGNATURE, "i"),
        )

    def _quantization(
        self, table: Table | None, name: str, shape: tuple[int, ...]
    ) -> Quantization | None:
        scale = () if table is None else table.scalars(layout.Quantization.SCALE, "f")
        if table is None or not scale:
            return None
        if table.table(layout.Quantization.DETAILS) is not None:
            raise UnsupportedError(
                f"{self.path}: tensor {name!r} is quantized in a way that opt does not read; "
                "export the model with float or per-channel 8-bit weights"
            )
        zero_point = table.scalars(layout.Quantization.ZERO_POINT, "q") or (0,) * len(scale)
        axis = table.scalar(layout.Quantization.AXIS, "i", 0)
        fits = len(scale) == 1 or (0 <= axis < len(shape) and shape[axis] == len(scale))
        if not fits or len(zero_point) not in (1, len(scale)):
            raise self.damaged(
                f"tensor {name!r} of shape {list(shape)} has {len(scale)} scales and "
                f"{len(zero_point)} zero points along axis {axis}"
            )
        return Quantization(scale, zero_point, axis)

    def _sparsity(self, table: Table | None, name: str, shape: tuple[int, ...]) -> Sparsity | None:
        if table is None:
            return None
        order = table.scalars(layout.Sparsity.TRAVERSAL_ORDER, "i")
        blocks = table.scalars(layout.Sparsity.BLOCK_MAP, "i")
        levels = tuple(self._level(level) for level in table.tables(layout.Sparsity.LEVELS))
        if (
            sorted(order) != list(range(len(shape) + len(blocks)))
            or len(levels) != len(order)
            or any(not 0 <= axis < len(shape) for axis in blocks)
            or len(set(blocks)) != len(blocks)
        ):
            raise self.damaged(f"it is not clear where the elements of {name!r} stand")
        return Sparsity(order, blocks, levels)

    def _level(self, table: Table) -> SparseLevel:
        if table.scalar(layout.SparseLevel.FORMAT, "b", layout.DENSE) == layout.DENSE:
            size = table.scalar(layout.SparseLevel.DENSE_SIZE, "i", 0)
            if size < 0:
                raise self.damaged(f"a sparse tensor has a dimension of {size}")
            return SparseLevel(size)
        kinds = layout.SparseLevel
        segments = self._index_vector(table, kinds.SEGMENTS_TYPE, kinds.SEGMENTS)
        indices = self._index_vector(table, kinds.INDICES_TYPE, kinds.INDICES)
        return SparseLevel(0, segments, indices)

    def _index_vector(self, table: Table, type_field: int, field: int) -> tuple[int, ...]:
        kind = table.scalar(type_field, "B", 0)
        vector = table.table(field)
        if vector is None or kind not in layout.INDEX_CODES:
            raise self.damaged("a sparse tensor does not say where its elements stand")
        return vector.scalars(0, layout.INDEX_CODES[kind])

    # ---- operators

    def _operator(self, table: Table, codes: list[Table]) -> Operator:
        index = table.scalar(layout.Operator.OPCODE_INDEX, "I", 0)
        if index >= len(codes):
            raise self.damaged(f"an operator has code {index} of {len(codes)}")
        code = codes[index]
        name = self._code(code)
        custom = name == CUSTOM
        later = name in layout.LATER
        options = layout.Operator.LATER_OPTIONS if later else layout.Operator.OPTIONS
        return Operator(
            code=name,
            version=code.scalar(layout.OperatorCode.VERSION, "i", 1),
            inputs=table.scalars(layout.Operator.INPUTS, "i"),
            outputs=table.scalars(layout.Operator.OUTPUTS, "i"),
            options=_options(name, table.table(options)),
            custom_code=code.string(layout.OperatorCode.CUSTOM_CODE) if custom else "",
            custom_options=table.raw_bytes(layout.Operator.CUSTOM_OPTIONS),
        )

    def _code(self, table: Table) -> str:
        """The operator's name; old writers fill the short field only."""
        short = table.scalar(layout.OperatorCode.SHORT_CODE, "b", 0)
        code = table.scalar(layout.OperatorCode.CODE, "i", 0)
        number = code if short == layout.EXTENDED_CODE else max(short, code)
        if number < 0:
            raise self.damaged(f"there is no operator of number {number}")
        if number >= len(layout.OPERATORS):
            return f"operator {number}"
        return layout.OPERATORS[number]

    def _check_indices(self, model: Model) -> None:
        count = len(model.tensors)
        for owner, indices in _tensor_indices(model):
            for index in indices:
                if not ABSENT <= index < count:
                    raise self.damaged(f"{owner} refers to tensor {index} of {count}")
        if ABSENT in (*model.inputs, *model.outputs):
            raise self.damaged("an input or output of the graph is missing")
        for what, indices in (("inputs", model.inputs), ("outputs", model.outputs)):
            if len(set(indices)) != len(indices):
                raise self.damaged(f"one tensor is two {what}")
        made: set[int] = set(model.inputs)
        for index, operator in enumerate(model.operators):
            for tensor in operator.outputs:
                if tensor in made:
                    raise self.damaged(f"two operators make {model.tensors[tensor].name!r}")
            self._check_operands(model, index, made)
            made.update(set(operator.outputs) - {ABSENT})

    def _check_operands(self, model: Model, index: int, made: set[int]) -> None:
        for tensor in model.operators[index].inputs:
            described = tensor == ABSENT or tensor in made
            if described or model.tensors[tensor].data or model.tensors[tensor].is_variable:
                continue
            if 0 not in model.tensors[tensor].shape:
                raise self.damaged(
                    f"{model.operator_name(index)!r} reads {model.tensors[tensor].name!r}, which "
                    "nothing makes"
                )


def _tensor_indices(model: Model) -> Iterator[tuple[str, Iterable[int]]]:
    yield "the graph", (*model.inputs, *model.outputs)
    for index, operator in enumerate(model.operators):
        yield f"operator {index}", (*operator.inputs, *operator.outputs)


def _graphs_of(model: Model) -> set[int]:
    """The graphs that the operators of a graph name, by index."""
    return {
        int(operator.options[name])  # type: ignore[arg-type]  # a number
        for operator in model.operators
        for name in layout.GRAPHS.get(operator.code, ())
    }


def _options(code: str, table: Table | None) -> dict[str, Option]:
    """An operator's options by name; those that are absent have the schema's default."""
    found: dict[str, Option] = {}
    for name, (number, kind, default) in layout.OPTIONS.get(code, {}).items():
        if kind.endswith("*"):
            found[name] = () if table is None else table.scalars(number, kind[0])
        elif kind == "text":
            found[name] = "" if table is None else table.string(number)
        else:
            usual = bool(default) if kind == "?" else default
            found[name] = usual if table is None else table.scalar(number, kind, usual)
    return found
