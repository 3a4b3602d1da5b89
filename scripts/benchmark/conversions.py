"""Converts one model with one tool and notes what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import flatbuffers
import onnx

from benchmark.measuring import Usage, least, reason
from benchmark.models import Model
from benchmark.tools import Step, Tool
from opt_tool.formats.paddle_lite.decode import read_file as read_paddle_lite
from opt_tool.formats.tflite.decode import read_file as read_tflite

AROUND = frozenset({"feed", "fetch"})
"""Operators of a program that compute nothing."""

MNN_OPERATORS = 4 + 2 * 3
"""Where a table's layout says where MNN's ``Net`` has its operators, the fourth field."""


@dataclass(frozen=True)
class Conversion:
    """What came of a conversion; ``why`` says why there are no files."""

    usage: Usage
    files: tuple[Path, ...] = ()
    why: str = ""

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    def facts(self) -> dict[str, object]:
        """What the report says of it."""
        cost = {
            "wall_seconds": round(self.usage.wall_seconds, 3),
            "cpu_seconds": round(self.usage.cpu_seconds, 3),
            "peak_bytes": self.usage.peak_bytes,
        }
        if not self.files:
            return {"converted": False, "why": self.why, **cost}
        count = operators(self.files[0])
        return {"converted": True, "bytes": self.bytes, "operators": count, **cost}


class Converter:
    """Converts one model; what several conversions share is done once."""

    def __init__(self, model: Model, folder: Path) -> None:
        self.model = model
        self.folder = folder
        self._done: dict[tuple[str, ...], Usage] = {}

    def convert(self, tool: Tool, mode: str, target: str) -> Conversion | None:
        """Convert for a target in a mode; None where the tool does not offer that."""
        folder = self.folder / tool.name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        steps = tool.recipe(self.model, mode, target, folder)
        if steps is None:
            return None
        total = Usage(0, 0.0, 0.0, 0)
        for step in steps:
            usage = self._run(step, folder)
            total += usage
            if not all(path.is_file() for path in step.makes):
                return Conversion(total, why=reason(usage))
        return Conversion(total, steps[-1].makes)

    def _run(self, step: Step, folder: Path) -> Usage:
        if step.command not in self._done:
            self._done[step.command] = least(step.command, folder)
        return self._done[step.command]


def operators(path: Path) -> int | None:
    """How many operators a converted file has; None where that is not known."""
    count = COUNTS.get(path.suffix)
    return None if count is None else count(path)


def _of_paddle_lite(path: Path) -> int:
    program = read_paddle_lite(path).program
    return sum(op.type not in AROUND for block in program.blocks for op in block.operators)


def _of_onnx(path: Path) -> int:
    return len(onnx.load(path, load_external_data=False).graph.node)


def _of_tflite(path: Path) -> int:
    return len(read_tflite(path).operators)


def _of_ncnn(path: Path) -> int:
    layers = path.read_text(encoding="utf-8").splitlines()[2:]
    return sum(not layer.startswith("Input ") for layer in layers)


def _of_mnn(path: Path) -> int:
    content = path.read_bytes()
    start = flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0)
    table = flatbuffers.table.Table(content, start)
    return int(table.VectorLen(table.Offset(MNN_OPERATORS)))


COUNTS: Mapping[str, Callable[[Path], int]] = {
    ".nb": _of_paddle_lite,
    ".onnx": _of_onnx,
    ".tflite": _of_tflite,
    ".param": _of_ncnn,
    ".mnn": _of_mnn,
}
