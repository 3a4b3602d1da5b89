"""ONNX's own backend tests: each case through the whole conversion, judged on its own data.

A case goes reader -> passes -> .nb bytes -> reader -> NumPy runtime, and, made for x86,
into the official runtime. Its result is ``pass``, ``refused: reason`` or ``FAIL: what``.
Where onnxruntime, whose numbers opt promises, differs from a case's data, a result that
is onnxruntime's is a pass that says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import tiers
from onnx_models import reference
from opt_tool.api import official_runtime
from opt_tool.api.lowering import lower
from opt_tool.api.official_runtime import OfficialRuntimeError
from opt_tool.api.onnx_runner import FAILURES
from opt_tool.errors import OpenInputError, OptError, UnsupportedModelError
from opt_tool.formats.onnx.reader import GraphReader
from opt_tool.formats.paddle_lite import read, write
from opt_tool.ir import Graph
from opt_tool.passes.plan_memory import plan_variable_names
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

PASS = "pass"
VERSION = "2.13"
RTOL, ATOL = 1e-3, 1e-7
"""The tolerance of ONNX's own backend test runner."""

BFLOAT16_RTOL = 2.0**-7
"""The graph keeps bfloat16 in float32; the cases' data cut the lower bits off."""

FOLDERS = ("node", "pytorch-converted", "pytorch-operator", "simple")
NEWEST = "newest"
"""What stands for a folder in the names of the installed onnx package's own cases."""

FLOAT32_ROUNDING = 1e-6
"""Of the largest number; ONNX's tolerance forbids zeros to be that."""

NAN_OPERANDS = "differs: it drops operands that are no numbers"
DIFFERENT = {
    f"{NEWEST}/test_mod_float_edge_cases_fmod_0_{dtype}": NAN_OPERANDS
    for dtype in ("float16", "float32", "float64")
}
"""What the official runtime makes otherwise, and no conversion can help."""


@dataclass(frozen=True)
class Case:
    """One test case: a model, what it is fed with and what it must give."""

    name: str
    path: Path

    def model(self) -> onnx.ModelProto:
        return onnx.load(self.path / "model.onnx")

    def data(self, kind: str) -> list[np.ndarray] | None:
        """The first set of inputs or outputs; None when one of them is not a tensor."""
        folder = self.path / "test_data_set_0"
        graph = self.model().graph
        declared = graph.input if kind == "input" else graph.output
        count = len(list(folder.glob(f"{kind}_*.pb")))
        arrays = [
            _tensor(folder / f"{kind}_{number}.pb", declared[number]) for number in range(count)
        ]
        known = [array for array in arrays if array is not None]
        return known if len(known) == count else None


@dataclass(frozen=True)
class Converted:
    """A case that was converted, ready for the runtimes."""

    case: Case
    nb: Path
    inputs: tuple[np.ndarray, ...]
    expected: tuple[np.ndarray, ...]
    rtol: float
    fixed: tuple[str, ...]

    @property
    def passed(self) -> str:
        """How a pass reads: it names the inputs that had to be constants."""
        return f"pass with {', '.join(self.fixed)} fixed" if self.fixed else PASS


def cases() -> list[Case]:
    """All cases that are there, by name."""
    places = {folder: tiers.NODE_TESTS / folder for folder in FOLDERS}
    places[NEWEST] = tiers.NEWEST_NODE_TESTS
    found = [
        Case(f"{folder}/{path.name}", path)
        for folder, place in places.items()
        for path in place.iterdir()
        if (path / "model.onnx").is_file()
    ]
    return sorted(found, key=lambda case: case.name)


def _tensor(path: Path, declared: onnx.ValueInfoProto) -> np.ndarray | None:
    """The tensor in a file; None when it is a sequence, an optional or text."""
    if not declared.type.HasField("tensor_type"):
        return None
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    if tensor.data_type == onnx.TensorProto.STRING:
        return None
    array = numpy_helper.to_array(tensor)
    if declared.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
        bits = array.view(np.uint16).astype(np.uint32) << 16  # the upper half of a float32
        return bits.view(np.float32)
    return array if array.dtype.kind in "biuf" else None


def convert(case: Case, folder: Path) -> Converted | str:
    """Convert a case for x86; its inputs fix the shapes. The reason where it is refused."""
    inputs, expected = case.data("input"), case.data("output")
    try:
        graph, fixed = _graph(case, inputs)
        if inputs is None or expected is None:
            return "FAIL: converted, but its data are not tensors"
        if any(map(_is_beyond_float32, (*inputs, *expected))):
            return "refused: its data are doubles that float32, in which the file computes, lacks"
        lower(graph, "x86", VERSION)
    except OptError as error:
        return f"refused: {_reason(error)}"
    nb = folder / f"{case.name.replace('/', '.')}.nb"
    write(graph, nb, version=LiteVersion.parse(VERSION), names=plan_variable_names(graph))
    fed = [
        array.astype(value.dtype.numpy, copy=False)
        for value, array in zip(graph.inputs, _used(case, graph, inputs), strict=True)
    ]
    return Converted(case, nb, tuple(fed), tuple(expected), _rtol(case), fixed)


def _graph(case: Case, inputs: Sequence[np.ndarray] | None) -> tuple[Graph, tuple[str, ...]]:
    """The graph of a case, and the inputs that it needs as constants."""
    model = case.model()
    names = [info.name for info in model.graph.input]
    given = {} if inputs is None else dict(zip(names, inputs, strict=False))
    shapes = {name: array.shape for name, array in given.items()}
    # what has no elements for these inputs is refused if the inputs are known
    empty = any(array.size == 0 for array in case.data("output") or ())
    fixed = {name: a for name, a in given.items() if empty and a.dtype.kind in "iu"}
    while True:
        reader = GraphReader(model, Path(case.name) / "model.onnx")
        open_shapes = {name: shape for name, shape in shapes.items() if name not in fixed}
        try:
            return reader.read(open_shapes, (), fixed), tuple(fixed)
        except UnsupportedModelError as error:
            needed = [p.input_name for p in error.problems if isinstance(p, OpenInputError)]
            if not needed or not set(needed) <= set(given):
                raise
            fixed |= {name: given[name] for name in needed}


def _is_beyond_float32(array: np.ndarray) -> bool:
    finite = array[np.isfinite(array)] if array.dtype == np.float64 else np.zeros(0)
    return bool(np.any(np.abs(finite) > np.finfo(np.float32).max))


def _used(case: Case, graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    by_name = dict(zip((info.name for info in case.model().graph.input), inputs, strict=False))
    return [by_name[value.name] for value in graph.inputs]


def _rtol(case: Case) -> float:
    types = {info.type.tensor_type.elem_type for info in case.model().graph.output}
    return BFLOAT16_RTOL if onnx.TensorProto.BFLOAT16 in types else RTOL


def _reason(error: OptError) -> str:
    """What a refusal says, in one line and without names that differ from run to run."""
    first = error.problems[0] if isinstance(error, UnsupportedModelError) else error
    return str(first).splitlines()[0]


def run_numpy(converted: Converted) -> str:
    """The result of the NumPy runtime on the written file."""
    graph = read(converted.nb)
    feeds = {value.name: array for value, array in zip(graph.inputs, converted.inputs, strict=True)}
    return judge(list(Executor(graph).run(feeds).values()), converted)


def run_official(converted: Sequence[Converted]) -> list[str]:
    """The results of the official runtime on the same files."""
    outcomes = official_runtime.run_each(
        [(job.nb, list(job.inputs)) for job in converted], timeout=60
    )
    return [
        f"FAIL: {str(outcome).splitlines()[0].split(': ', 1)[1]}"
        if isinstance(outcome, OfficialRuntimeError)
        else judge(outcome, job)
        for job, outcome in zip(converted, outcomes, strict=True)
    ]


def judge(actual: Sequence[np.ndarray], converted: Converted) -> str:
    """How the case passed, or the first output that differs and how."""
    difference = _difference(actual, converted.expected, converted.rtol)
    if difference is None:
        return converted.passed
    rounded = _rounding(actual, converted)
    if rounded is not None:
        return f"{converted.passed} within {rounded}"
    runtime = _onnxruntime(converted)
    if runtime is not None and _difference(actual, runtime, converted.rtol) is None:
        return f"{converted.passed} as onnxruntime, which differs from the data"
    return f"FAIL: {difference}"


def _rounding(actual: Sequence[np.ndarray], converted: Converted) -> str | None:
    """What excuses a difference: how numbers are rounded that are computed in another order."""
    expected, rtol = converted.expected, converted.rtol
    if rtol == BFLOAT16_RTOL and _difference(actual, expected, 2 * rtol) is None:
        return "two steps of bfloat16"
    largest = (np.abs(array[np.isfinite(array)]).max(initial=0) for array in expected)
    atol = FLOAT32_ROUNDING * float(max(largest, default=0))
    if _difference(actual, expected, rtol, atol) is None:
        return "the rounding of float32"
    return None


def _onnxruntime(converted: Converted) -> Sequence[np.ndarray] | None:
    """What onnxruntime makes of a case, if it can run it."""
    model, inputs = converted.case.model(), converted.case.data("input")
    names = [info.name for info in model.graph.input]
    try:
        return reference(model, dict(zip(names, inputs or (), strict=True)))
    except FAILURES:
        return None


def _difference(
    actual: Sequence[np.ndarray], expected: Sequence[np.ndarray], rtol: float, atol: float = ATOL
) -> str | None:
    """The first output that differs, and how."""
    if len(actual) != len(expected):
        return f"{len(actual)} outputs, not {len(expected)}"
    for index, (got, wanted) in enumerate(zip(actual, expected, strict=True)):
        if got.shape != wanted.shape:
            return f"output {index} has shape {got.shape}, not {wanted.shape}"
        if (got.dtype.kind == "f") != (wanted.dtype.kind == "f"):
            return f"output {index} is {got.dtype}, not {wanted.dtype}"
        numbers = got.astype(np.float64), wanted.astype(np.float64)
        if not np.allclose(*numbers, rtol, atol, equal_nan=True):
            return f"output {index} has other numbers"
    return None


def scoreboard(chosen: Sequence[Case]) -> dict[str, tuple[str, str]]:
    """The NumPy and the official result of each case; ``-`` where it was not run."""
    results: dict[str, tuple[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="opt-node-tests-") as folder:
        ready = []
        for case in chosen:
            outcome = convert(case, Path(folder))
            if isinstance(outcome, str):
                results[case.name] = (outcome, "-")
            else:
                ready.append(outcome)
                results[case.name] = (run_numpy(outcome), "-")
        if len(ready) > 1:
            for job, result in zip(ready, run_official(ready), strict=True):
                known = DIFFERENT.get(job.case.name, result) if "FAIL" in result else result
                results[job.case.name] = (results[job.case.name][0], known)
    return dict(sorted(results.items()))
