"""Small TFLite models made in a test, and how the reader's result is judged on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

import tiers
from opt_tool.api.litert_runner import ADVICE, LiteRtRunner, interpreter_module
from opt_tool.formats.tflite import layout
from opt_tool.formats.tflite.decode import decode
from opt_tool.formats.tflite.reader import GraphReader
from opt_tool.formats.tflite.schema import Quantization, Sparsity, TensorType
from opt_tool.ir import Graph, verify
from opt_tool.runtime.executor import Executor

OPTIONS_TYPES: Mapping[str, int] = {
    "ADD": 11, "ARG_MAX": 40, "ARG_MIN": 57, "AVERAGE_POOL_2D": 5, "BATCH_MATMUL": 101,
    "BIDIRECTIONAL_SEQUENCE_LSTM": 69, "BIDIRECTIONAL_SEQUENCE_RNN": 70, "BUCKETIZE": 115,
    "CALL": 16, "CONCATENATION": 10,
    "CONV_2D": 1, "CONV_3D": 106, "CONV_3D_TRANSPOSE": 106,
    "CUMSUM": 102, "DEPTHWISE_CONV_2D": 2, "DEPTH_TO_SPACE": 94,
    "DIV": 29, "FAKE_QUANT": 58, "FULLY_CONNECTED": 8, "GATHER": 23, "GELU": 116, "IF": 92,
    "L2_NORMALIZATION": 12, "L2_POOL_2D": 5, "LEAKY_RELU": 75,
    "LOCAL_RESPONSE_NORMALIZATION": 13, "LSTM": 14, "MAX_POOL_2D": 5, "MEAN": 27, "MIRROR_PAD": 77,
    "MUL": 21, "ONE_HOT": 61, "PACK": 59, "REDUCE_ALL": 27, "REDUCE_ANY": 27, "REDUCE_MAX": 27,
    "REDUCE_MIN": 27, "REDUCE_PROD": 27, "RESHAPE": 17, "RESIZE_BILINEAR": 15,
    "RESIZE_NEAREST_NEIGHBOR": 74, "REVERSE_SEQUENCE": 87, "RNN": 7, "SHAPE": 55, "SOFTMAX": 9,
    "SPACE_TO_DEPTH": 19, "SPLIT": 35, "SPLIT_V": 79, "SQUEEZE": 30, "STRIDED_SLICE": 32,
    "SUB": 28, "SUM": 27, "SVDF": 6, "TRANSPOSE_CONV": 49, "UNIDIRECTIONAL_SEQUENCE_LSTM": 71,
    "UNIDIRECTIONAL_SEQUENCE_RNN": 31, "UNPACK": 64, "VAR_HANDLE": 111, "WHILE": 93,
}  # fmt: skip
"""The numbers of the options' tables in the schema's union BuiltinOptions."""

LATER_OPTIONS_TYPES: Mapping[str, int] = {
    "STABLEHLO_COMPOSITE": 21, "STABLEHLO_REDUCE_WINDOW": 13, "STABLEHLO_SCATTER": 7,
}  # fmt: skip
"""The same in the union BuiltinOptions2."""

ATTRIBUTES: Mapping[str, layout.Field] = {"composite_attributes": layout.Field(2, "B*")}
"""What LiteRT asks of a composite, and the reader does not."""

VERSIONS: Mapping[str, int] = {"BROADCAST_TO": 2}
"""The oldest versions that LiteRT knows, where they are not the first."""

TYPES: Mapping[str, TensorType] = {
    "bool": TensorType.BOOL,
    "float16": TensorType.FLOAT16,
    "float32": TensorType.FLOAT32,
    "int16": TensorType.INT16,
    "int8": TensorType.INT8,
    "int32": TensorType.INT32,
    "int64": TensorType.INT64,
    "uint8": TensorType.UINT8,
}


@dataclass(frozen=True)
class Stored:
    """A constant as the file holds it, where that is not just an array."""

    array: np.ndarray
    shape: tuple[int, ...]
    type: TensorType
    quantization: Quantization | None = None
    sparsity: Sparsity | None = None

    @classmethod
    def of(cls, array: np.ndarray, **how: Any) -> Stored:  # the other fields
        return cls(array, array.shape, TYPES[array.dtype.name], **how)


@dataclass(frozen=True)
class Op:
    """An operator; operands and results by name, None for what is left out."""

    code: str
    inputs: Sequence[str | None]
    outputs: Sequence[str] = ("y",)
    options: Mapping[str, Any] = field(default_factory=dict)
    custom_code: str = ""
    custom_options: bytes = b""


@dataclass(frozen=True)
class Made:
    """A model in memory."""

    ops: Sequence[Op]
    inputs: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray | Stored] = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)
    types: Mapping[str, TensorType] = field(default_factory=dict)
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    rules: Mapping[str, Quantization] = field(default_factory=dict)
    signatures: Mapping[str, Sequence[int]] = field(default_factory=dict)
    branches: Sequence[Made] = ()

    def data(self) -> bytes:
        return _Writer(self).data()

    def read(self, **options: Any) -> Graph:  # those of GraphReader.read
        """The graph, checked."""
        model = decode(memoryview(self.data()), Path("test.tflite"))
        reader = GraphReader(model, Path("test.tflite"))
        graph = reader.read(options.get("input_shapes", {}), options.get("outputs", ()))
        verify(graph)
        return graph


class _Writer:
    """Writes a model; nothing is shared with the code that reads one but the field numbers."""

    def __init__(self, made: Made, builder: flatbuffers.Builder | None = None) -> None:
        self.made = made
        self.builder = flatbuffers.Builder(1024) if builder is None else builder
        self.kinds: dict[tuple[str, str], int] = {}
        self.first_buffer = 0
        self.names = list(
            dict.fromkeys(
                [
                    *made.inputs,
                    *made.constants,
                    *(name for op in made.ops for name in (*op.inputs, *op.outputs) if name),
                ]
            )
        )

    def data(self) -> bytes:
        writers = [self, *(_Writer(branch, self.builder) for branch in self.made.branches)]
        buffers, graphs = [self._table({})], []
        for writer in writers:
            writer.kinds, writer.first_buffer = self.kinds, len(buffers)  # its own kind
            graphs.append(writer.graph())
            buffers += writer._buffers()
        codes = [self._code(*kind) for kind in self.kinds]
        root = self._table(
            {
                layout.Model.VERSION: ("I", 3),
                layout.Model.OPERATOR_CODES: self._tables(codes),
                layout.Model.SUBGRAPHS: self._tables(graphs),
                layout.Model.BUFFERS: self._tables(buffers),
            }
        )
        self.builder.Finish(root, file_identifier=layout.IDENTIFIER)
        return bytes(self.builder.Output())

    def graph(self) -> int:
        """One graph of the file."""
        made = self.made
        operators = [self._operator(op) for op in made.ops]
        some = {layout.SubGraph.OPERATORS: self._tables(operators)} if operators else {}
        return self._table(
            {
                layout.SubGraph.TENSORS: self._tables([self._tensor(n) for n in self.names]),
                layout.SubGraph.INPUTS: self._vector("i", map(self.names.index, made.inputs)),
                layout.SubGraph.OUTPUTS: self._vector("i", map(self.names.index, made.outputs)),
                **some,
            }
        )

    def _buffers(self) -> list[int]:
        """One for each tensor; buffer 0 of the file is empty."""
        buffers = []
        for name in self.names:
            constant = self.made.constants.get(name)
            if constant is None:
                buffers.append(self._table({}))
                continue
            array = constant.array if isinstance(constant, Stored) else constant
            content = np.frombuffer(array.tobytes(), np.uint8)
            vector = self.builder.CreateNumpyVector(content) if content.size else None
            buffers.append(self._table({} if vector is None else {layout.Buffer.DATA: vector}))
        return buffers

    def _tensor(self, name: str) -> int:
        made = self.made
        given: Any = made.constants.get(name, made.inputs.get(name))
        stored = given if isinstance(given, Stored) else None
        if stored is None and given is not None:
            stored = Stored.of(given)
        type = made.types.get(name, TensorType.FLOAT32) if stored is None else stored.type
        shape = made.shapes.get(name, ()) if stored is None else stored.shape
        fields: dict[int, Any] = {
            layout.Tensor.TYPE: ("b", type.value),
            layout.Tensor.BUFFER: ("I", self.first_buffer + self.names.index(name)),
            layout.Tensor.NAME: self.builder.CreateString(name),
            layout.Tensor.SHAPE: self._vector("i", shape),
            layout.Tensor.IS_VARIABLE: ("?", name in made.variables),
        }
        rule = made.rules.get(name, None if stored is None else stored.quantization)
        if rule is not None:
            fields[layout.Tensor.QUANTIZATION] = self._quantization(rule)
        if name in made.signatures:
            signature = self._vector("i", made.signatures[name])
            fields[layout.Tensor.SHAPE_SIGNATURE] = signature
        if stored is not None and stored.sparsity is not None:
            fields[layout.Tensor.SPARSITY] = self._sparsity(stored.sparsity)
        return self._table(fields)

    def _quantization(self, rule: Quantization) -> int:
        return self._table(
            {
                layout.Quantization.SCALE: self._vector("f", rule.scale),
                layout.Quantization.ZERO_POINT: self._vector("q", rule.zero_point),
                layout.Quantization.AXIS: ("i", rule.axis),
            }
        )

    def _sparsity(self, sparsity: Sparsity) -> int:
        levels = []
        for level in sparsity.levels:
            fields: dict[int, Any] = {
                layout.SparseLevel.FORMAT: ("b", int(level.segments is not None)),
                layout.SparseLevel.DENSE_SIZE: ("i", level.size),
            }
            if level.segments is not None:
                fields[layout.SparseLevel.SEGMENTS_TYPE] = ("B", 1)
                fields[layout.SparseLevel.SEGMENTS] = self._wrapped("i", level.segments)
                fields[layout.SparseLevel.INDICES_TYPE] = ("B", 3)
                fields[layout.SparseLevel.INDICES] = self._wrapped("B", level.indices)
            levels.append(self._table(fields))
        return self._table(
            {
                layout.Sparsity.TRAVERSAL_ORDER: self._vector("i", sparsity.traversal_order),
                layout.Sparsity.BLOCK_MAP: self._vector("i", sparsity.block_map),
                layout.Sparsity.LEVELS: self._tables(levels),
            }
        )

    def _wrapped(self, code: str, numbers: Sequence[int]) -> int:
        return self._table({0: self._vector(code, numbers)})

    def _code(self, code: str, custom_code: str) -> int:
        """What operators of a kind share."""
        number = layout.OPERATORS.index(code)
        fields: dict[int, Any] = {
            layout.OperatorCode.SHORT_CODE: ("b", min(number, layout.EXTENDED_CODE)),
            layout.OperatorCode.VERSION: ("i", VERSIONS.get(code, 1)),
            layout.OperatorCode.CODE: ("i", number),
        }
        if custom_code:
            fields[layout.OperatorCode.CUSTOM_CODE] = self.builder.CreateString(custom_code)
        return self._table(fields)

    def _operator(self, op: Op) -> int:
        kind = self.kinds.setdefault((op.code, op.custom_code), len(self.kinds))
        fields: dict[int, Any] = {
            layout.Operator.OPCODE_INDEX: ("I", kind),
            layout.Operator.INPUTS: self._vector("i", map(self._index, op.inputs)),
            layout.Operator.OUTPUTS: self._vector("i", map(self._index, op.outputs)),
        }
        if op.code in layout.LATER:
            fields[layout.Operator.LATER_OPTIONS_TYPE] = ("B", LATER_OPTIONS_TYPES[op.code])
            fields[layout.Operator.LATER_OPTIONS] = self._options(op)
        elif op.code in OPTIONS_TYPES:
            fields[layout.Operator.OPTIONS_TYPE] = ("B", OPTIONS_TYPES[op.code])
            fields[layout.Operator.OPTIONS] = self._options(op)
        if op.custom_options:
            fields[layout.Operator.CUSTOM_OPTIONS] = self._vector("B", op.custom_options)
        return self._table(fields)

    def _index(self, name: str | None) -> int:
        return -1 if name is None else self.names.index(name)

    def _options(self, op: Op) -> int:
        known = {**layout.OPTIONS[op.code], **ATTRIBUTES}
        fields: dict[int, Any] = {}
        for name, value in op.options.items():
            number, code, _ = known[name]
            if code == "text":
                fields[number] = self.builder.CreateString(value)
            else:
                vector = code.endswith("*")
                fields[number] = self._vector(code[0], value) if vector else (code, value)
        return self._table(fields)

    # ---- flatbuffers

    def _vector(self, code: str, numbers: Any) -> int:  # any iterable of numbers
        array = np.array(list(numbers), np.dtype(code))
        result: int = self.builder.CreateNumpyVector(array)
        return result

    def _tables(self, tables: Sequence[int]) -> int:
        self.builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self.builder.PrependUOffsetTRelative(table)
        result: int = self.builder.EndVector()
        return result

    def _table(self, fields: Mapping[int, Any]) -> int:
        """A table of offsets (a number) and scalars (code and value)."""
        builder = self.builder
        builder.StartObject(max(fields, default=0) + 1)
        prepend = {
            "?": builder.PrependBool, "b": builder.PrependInt8, "B": builder.PrependUint8,
            "i": builder.PrependInt32, "I": builder.PrependUint32, "q": builder.PrependInt64,
            "f": builder.PrependFloat32,
        }  # fmt: skip
        for number, value in sorted(fields.items()):
            if isinstance(value, tuple):
                prepend[value[0]](value[1])
            else:
                builder.PrependUOffsetTRelative(value)
            builder.Slot(number)
        result: int = builder.EndObject()
        return result


RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    """Random numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values: Any) -> np.ndarray:  # numbers, or rows of them
    """Whole numbers as the operands of operators hold them."""
    return np.array(values, np.int32)


def need_litert() -> None:
    """Need LiteRT."""
    tiers.need(None if interpreter_module() is not None else f"LiteRT is missing; {ADVICE}")


def assert_same(made: Made, folder: Path, *, rtol: float = 1e-5, atol: float = 1e-5) -> Graph:
    """Assert that the graph of a model computes what LiteRT computes."""
    need_litert()
    path = folder / "model.tflite"
    path.write_bytes(made.data())
    graph = made.read()
    expected = LiteRtRunner(path).run(made.inputs)
    computed = Executor(graph).run(made.inputs)
    assert list(computed) == list(expected)
    for name, wanted in expected.items():
        assert computed[name].shape == wanted.shape, name
        assert computed[name].dtype == wanted.dtype, name
        np.testing.assert_allclose(computed[name], wanted, rtol=rtol, atol=atol, err_msg=name)
    return graph


def one_op(
    code: str,
    inputs: Mapping[str, np.ndarray | Stored | None],
    *,
    constants: Sequence[str] = (),
    outputs: Sequence[str] = ("y",),
    types: Mapping[str, TensorType] | None = None,
    **options: Any,  # whatever the operator takes
) -> Made:
    """A model of one operator; operands are inputs unless they are named as constants."""
    given = {name: array for name, array in inputs.items() if array is not None}
    op = Op(
        code, [n if array is not None else None for n, array in inputs.items()], outputs, options
    )
    return Made(
        [op],
        {
            name: array
            for name, array in given.items()
            if name not in constants and isinstance(array, np.ndarray)
        },
        {name: given[name] for name in constants if name in given},
        outputs,
        {} if types is None else types,
    )
