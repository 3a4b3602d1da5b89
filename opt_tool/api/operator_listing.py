"""Which operators a model needs, what runs them on a target, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api.json_form import to_json
from opt_tool.api.loading import SourceNode, load_model, source_nodes
from opt_tool.api.lowering import lower, parse_library, parse_target
from opt_tool.errors import UnsupportedModelError, UsageError
from opt_tool.ir import OPERATIONS, Graph, Node
from opt_tool.targets import Library, LiteVersion, Target, kernels_for, library_of


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """An operator with all its nodes that have the same kernel, or the same reason against it.

    ``sources`` are the operators of the source that those nodes came from.
    """

    op: str
    count: int
    kernel: str | None
    library: str | None
    nodes: tuple[str, ...]
    supported: bool
    reason: str | None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OperatorListing:
    """The operators of a model: the target's where the model can be converted, else its own."""

    path: str
    format: str
    target: str
    lite_version: str
    operators: tuple[OperatorRow, ...]
    supported: bool

    def to_json(self) -> str:
        return to_json(self)


@dataclass(frozen=True, slots=True)
class SourceOperator:
    """An operator that a reader knows."""

    framework: str
    domain: str
    op: str


@dataclass(frozen=True, slots=True)
class TargetOperator:
    """A Paddle Lite operator that opt writes and a kernel that runs it."""

    op: str
    kernel: str
    library: str


@dataclass(frozen=True, slots=True)
class SupportedOperators:
    """What opt reads, and what it writes for a target."""

    target: str
    lite_version: str
    operators: tuple[SourceOperator, ...]
    kernels: tuple[TargetOperator, ...]

    def to_json(self) -> str:
        return to_json(self)


def list_ops(
    model: str | Path,
    weights: str | Path | None = None,
    *,
    target: str = "arm",
    lite_version: str = "2.13",
    library: str = "with_extra",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    input_values: Mapping[str, np.ndarray] | None = None,
    outputs: Sequence[str] = (),
    external_data: Path | None = None,
) -> OperatorListing:
    """List the operators of a model and what runs them on a target.

    Args:
        model: The source model, or a .nb file.
        weights: The second file of formats that have two.
        target: ``arm`` or ``x86``.
        lite_version: The Paddle Lite version of the runtime.
        library: ``basic`` for a runtime of the small build.
        input_shapes: Shapes that take the place of those in the model, by input name.
        input_values: Inputs that become constants, by input name.
        outputs: Names of the tensors to compute instead of the model's outputs.
        external_data: A folder besides the model's that external data of ONNX models may lie in.
    """
    files = tuple(Path(file) for file in (model, weights) if file is not None)
    version, chosen = LiteVersion.parse(lite_version), parse_target(target)
    build = parse_library(library)
    try:
        loaded = load_model(
            *files,
            input_shapes=input_shapes,
            outputs=outputs,
            input_values=input_values,
            external_data=external_data,
        )
    except UnsupportedModelError as error:
        source_format, nodes = source_nodes(*files)
        format, rows = source_format.value, _source_rows(nodes, error)
    else:
        format, rows = loaded.format.value, _lowered_rows(loaded.graph, chosen, version, build)
    return OperatorListing(
        path=str(files[0]),
        format=format,
        target=target,
        lite_version=str(version),
        operators=rows,
        supported=all(row.supported for row in rows),
    )


def _lowered_rows(
    graph: Graph, target: Target, version: LiteVersion, build: Library
) -> tuple[OperatorRow, ...]:
    """The target's operators; those that it cannot run with the reason."""
    reasons: dict[str, str] = {}
    try:
        lower(graph, target.value, str(version), build)
    except UnsupportedModelError as error:
        reasons = {problem.node: problem.problem for problem in error.problems}
    return _target_rows(graph, reasons, target, version)


def _source_rows(
    nodes: Iterable[SourceNode], error: UnsupportedModelError
) -> tuple[OperatorRow, ...]:
    """The source's operators; one with problems has a row for each reason."""
    reasons = {(problem.operator, problem.node): problem.problem for problem in error.problems}
    groups: dict[tuple[str, str | None], list[str]] = {}
    for node in nodes:
        reason = reasons.pop((node.operator, node.name), None)
        groups.setdefault((node.operator, reason), []).append(node.name)
    for (operator, name), reason in reasons.items():  # inside of functions and branches
        groups.setdefault((operator, reason), []).append(name)
    return tuple(
        OperatorRow(operator, len(names), None, None, tuple(names), reason is None, reason)
        for (operator, reason), names in sorted(groups.items(), key=_order)
    )


def _order(item: tuple[tuple[str, str | None], list[str]]) -> tuple[bool, str, str]:
    """What is missing first, then by name."""
    (operator, reason), _ = item
    return reason is None, operator, "" if reason is None else reason


def _target_rows(
    graph: Graph, reasons: Mapping[str, str], target: Target, version: LiteVersion
) -> tuple[OperatorRow, ...]:
    groups: dict[tuple[str, str | None, str | None], list[Node]] = {}
    for node in graph.nodes:
        key = (node.op.type, node.kernel, reasons.get(node.name))
        groups.setdefault(key, []).append(node)
    ordered = sorted(groups.items(), key=lambda item: (item[0][2] is None, *map(str, item[0])))
    return tuple(
        OperatorRow(
            op,
            len(nodes),
            kernel,
            None if kernel is None else library(op, kernel, target, version),
            tuple(node.name for node in nodes),
            reason is None,
            reason,
            tuple(sorted({source.operator for node in nodes for source in node.sources})),
        )
        for (op, kernel, reason), nodes in ordered
    )


def library(op: str, kernel: str, target: Target, version: LiteVersion) -> str | None:
    """Which build of the runtime has both the operator and the kernel."""
    for known in kernels_for(op, target, version):
        if known.attribute == kernel:
            return library_of(known).value
    return None


# ---- what is supported at all


def supported_operators(
    *, target: str = "arm", lite_version: str = "2.13", framework: str | None = None
) -> SupportedOperators:
    """What opt reads from a framework, or from all, and what it writes for a target."""
    if framework is not None and framework not in FRAMEWORKS:
        known = ", ".join(FRAMEWORKS)
        raise UsageError(f"no framework is called {framework!r}; there are {known}")
    version, chosen = LiteVersion.parse(lite_version), parse_target(target)
    frameworks = FRAMEWORKS if framework is None else {framework: FRAMEWORKS[framework]}
    return SupportedOperators(
        target=target,
        lite_version=str(version),
        operators=tuple(row for rows in frameworks.values() for row in rows()),
        kernels=tuple(
            TargetOperator(
                op, kernel.attribute, str(library(op, kernel.attribute, chosen, version))
            )
            for op in sorted(OPERATIONS)
            for kernel in kernels_for(op, chosen, version)
        ),
    )


def _onnx_operators() -> list[SourceOperator]:
    from opt_tool.formats.onnx.registry import supported_operators as registered

    return [SourceOperator("onnx", domain, op) for domain, op in registered()]


def _caffe_layers() -> list[SourceOperator]:
    from opt_tool.formats.caffe.registry import supported_layers

    return [SourceOperator("caffe", "", layer) for layer in supported_layers()]


def _tflite_operators() -> list[SourceOperator]:
    from opt_tool.formats.tflite.registry import supported_operators as registered

    return [SourceOperator("tflite", "", op) for op in registered()]


FRAMEWORKS = {"caffe": _caffe_layers, "onnx": _onnx_operators, "tflite": _tflite_operators}
