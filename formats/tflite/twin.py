"""Makes of a file one that holds another form of its model, for LiteRT to compute.

LiteRT rounds activations in front of quantized weights to 8 bits as it runs, or everywhere,
and keeps variables to itself. What is compared with a converted model is the form that is
converted: its constants are written behind the file's end, and tensors, operators, inputs
and outputs are changed where the form has others. Nothing else is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.flatbuffer import Buffer, Table
from opt_tool.formats.tflite import layout
from opt_tool.formats.tflite.open_state import in_place
from opt_tool.formats.tflite.schema import Model, Operator, Tensor

ALIGNMENT = 16
OFFSET = struct.Struct("<I")
NUMBER = struct.Struct("<i")
EMPTY_TABLE = struct.pack("<HHi", 4, 4, 4)
"""A table's layout without fields (its own size and the table's), and the table itself."""

TABLE_OF_ONE = struct.Struct("<HHHxxiI")
"""The same with one field, an offset, behind two bytes that fill up the layout."""


def twin(data: bytes, model: Model, form: Model, path: Path) -> bytes:
    """The bytes of a file that holds ``form`` instead of ``model``; ``path`` is for messages.

    The operators of ``form`` are those of ``model``, with some left out and others' codes
    changed. What steps of layers leave in variables is read from these.

    Raises:
        UnsupportedError: when something is stored in a way that this cannot change.
    """
    if form is model:
        return data
    writer = _Writer(data, path)
    for index, graph in model.branches.items():
        writer.change_graph(index, graph, form.branches[index])
    writer.change_graph(0, model, in_place(form, model))
    return bytes(writer.data)


class _Writer:
    """The new bytes, and where in them the fields stand that are to be changed."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.data = bytearray(data)
        self.path = path
        root = Buffer(memoryview(data), lambda problem: DamagedFileError(path, problem)).root()
        self.graphs = list(root.tables(layout.Model.SUBGRAPHS))
        self.codes = list(root.tables(layout.Model.OPERATOR_CODES))
        self.buffers = root.references(layout.Model.BUFFERS)
        self.written: dict[int, memoryview] = {}

    # ---- what is changed

    def change_graph(self, index: int, before: Model, after: Model) -> None:
        """Make a graph of the file what it is in the form."""
        if after is before:
            return
        graph = self.graphs[index]
        self._change_tensors(graph, before.tensors, after.tensors)
        self._change_operators(graph, before.operators, after.operators)
        self._change_list(graph, layout.SubGraph.INPUTS, before.inputs, after.inputs)
        self._change_list(graph, layout.SubGraph.OUTPUTS, before.outputs, after.outputs)

    def _change_tensors(
        self, graph: Table, before: Sequence[Tensor], after: Sequence[Tensor]
    ) -> None:
        tables = graph.tables(layout.SubGraph.TENSORS)
        for table, old, new in zip(tables, before, after, strict=True):
            if old is new:
                continue
            if old.sparsity is not None:
                raise self._unusual("a weight is both sparse and quantized")
            if old.quantization is not None:
                empty = self._append(EMPTY_TABLE)
                self._refer(self._place(table, layout.Tensor.QUANTIZATION), empty)
            if old.type is not new.type:
                self.data[self._place(table, layout.Tensor.TYPE, 1)] = new.type.value
            if new.data is old.data:
                continue
            buffer = table.scalar(layout.Tensor.BUFFER, "I", 0)
            if buffer in self.written and self.written[buffer] != new.data:
                raise self._unusual("two weights share their bytes")
            self.written[buffer] = new.data
            self._refer(self.buffers[buffer], self._append_buffer(new.data))

    def _change_operators(
        self, graph: Table, before: Sequence[Operator], after: Sequence[Operator]
    ) -> None:
        """Leave out operators, and give others their new code, which those of a kind share."""
        places = graph.references(layout.SubGraph.OPERATORS)
        if not places:
            return
        targets = [place + OFFSET.unpack_from(self.data, place)[0] for place in places]
        kept = 0
        tables = graph.tables(layout.SubGraph.OPERATORS)
        for table, target, old in zip(tables, targets, before, strict=True):
            new = after[kept] if kept < len(after) else None
            if new is None or (old.inputs, old.outputs) != (new.inputs, new.outputs):
                continue
            self._refer(places[kept], target)
            kept += 1
            if new.code != old.code:
                self._recode(table, layout.OPERATORS.index(new.code))
        OFFSET.pack_into(self.data, places.start - OFFSET.size, kept)

    def _recode(self, operator: Table, number: int) -> None:
        code = self.codes[operator.scalar(layout.Operator.OPCODE_INDEX, "I", 0)]
        short = code.position(layout.OperatorCode.SHORT_CODE, 1)
        full = code.position(layout.OperatorCode.CODE)
        if short is not None:
            self.data[short] = number
        if full is not None:
            NUMBER.pack_into(self.data, full, number)

    def _change_list(
        self, graph: Table, field: int, before: Sequence[int], after: Sequence[int]
    ) -> None:
        """Replace a list of tensors of the graph."""
        if before == after:
            return
        content = struct.pack(f"<{len(after)}i", *after)
        vector = self._append_vector(len(after), content)
        self._refer(self._place(graph, field), vector)

    # ---- how

    def _unusual(self, fact: str) -> UnsupportedError:
        return UnsupportedError(f"{self.path}: {fact}, which only --no-verify goes without")

    def _place(self, table: Table, field: int, size: int = 4) -> int:
        position = table.position(field, size)
        if position is None:
            raise self._unusual("a tensor is stored in an unusual way")
        return position

    def _append_buffer(self, content: memoryview) -> int:
        """A table Buffer whose data are those bytes; what it refers to has to stand behind it."""
        table = self._append(TABLE_OF_ONE.pack(6, 8, 4, 8, 0), behind=8)
        self._refer(table + 4, self._append_vector(len(content), content))
        return table

    def _append_vector(self, count: int, content: bytes | memoryview) -> int:
        self.data.extend(bytes(-(len(self.data) + OFFSET.size) % ALIGNMENT))
        start = len(self.data)
        self.data += OFFSET.pack(count)
        self.data += content
        return start

    def _append(self, table: bytes, *, behind: int = 4) -> int:
        """Put a table behind the end; it starts that far behind its layout."""
        self.data.extend(bytes(-len(self.data) % ALIGNMENT))
        start = len(self.data)
        self.data += table
        return start + behind

    def _refer(self, position: int, target: int) -> None:
        """Let the offset at a position point to a target behind it."""
        OFFSET.pack_into(self.data, position, target - position)
