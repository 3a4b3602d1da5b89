"""Conversion time and memory against the size of models and the number of their operators.

Two kinds of chains, so that what is measured is the converter: one with large weights in few
operators, one of many operators with small ones. Files above protobuf's limit keep their weights
beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmark.environments import ENVIRONMENTS
from benchmark.measuring import Usage, measure, reason

MEGABYTES = (1, 8, 64, 512, 2048)
OPERATORS = (10, 100, 1000, 10_000, 50_000)
SIDE = 2048  # of a weight: 16 MB
CHANNELS, PLANE = 8, 4
INLINE_LIMIT = 1 << 30
TIMEOUT_SECONDS = 900


def large_weights(megabytes: int, path: Path) -> None:
    """A chain of fully connected layers whose weights take that much."""
    rng = np.random.default_rng(0)
    side = min(SIDE, round(math.sqrt(megabytes * (1 << 20) / 4)))
    count = max(1, round(megabytes * (1 << 20) / (4 * side * side)))
    nodes, weights = [], []
    for number in range(count):
        weight = rng.standard_normal((side, side), np.float32) / np.float32(math.sqrt(side))
        weights.append(numpy_helper.from_array(weight, f"w{number}"))
        nodes.append(helper.make_node("MatMul", [_name(number), f"w{number}"], [_name(number + 1)]))
    _save(nodes, weights, (1, side), _name(count), path)


def many_operators(count: int, path: Path) -> None:
    """A chain of convolutions and activations."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for number in range(count):
        made = [_name(number + 1)]
        if number % 2:
            nodes.append(helper.make_node("Sigmoid", [_name(number)], made))
            continue
        weight = rng.standard_normal((CHANNELS, CHANNELS, 1, 1), np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{number}"))
        nodes.append(helper.make_node("Conv", [_name(number), f"w{number}"], made))
    _save(nodes, weights, (1, CHANNELS, PLANE, PLANE), _name(count), path)


def _name(number: int) -> str:
    return f"t{number}"


def _save(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto],
    shape: tuple[int, ...],
    output: str,
    path: Path,
) -> None:
    inputs = [helper.make_tensor_value_info(_name(0), TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "chain", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    large = sum(len(weight.raw_data) for weight in weights) > INLINE_LIMIT
    if large:
        beside = f"{path.name}.data"
        onnx.save(model, path, save_as_external_data=True, location=beside, size_threshold=1024)
    else:
        onnx.save(model, path)


def sweep(
    make: Callable[[int, Path], None], sizes: Sequence[int], folder: Path, *flags: str
) -> list[dict[str, object]]:
    """Convert a chain of each size, verified unless the flags say otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for size in sizes:
        source, out = folder / "chain.onnx", folder / "chain.nb"
        make(size, source)
        usage = _convert(source, out, flags)
        rows.append(
            {"size": size, **_facts(usage), "bytes": out.stat().st_size if out.is_file() else None}
        )
        for path in folder.iterdir():
            path.unlink()
    return rows


def _convert(source: Path, out: Path, flags: Sequence[str]) -> Usage:
    program = ENVIRONMENTS["opt"].program("opt")
    command = [program, "convert", str(source), "-o", str(out), "-q", *flags]
    return measure(command, source.parent, TIMEOUT_SECONDS)


def _facts(usage: Usage) -> dict[str, object]:
    return {
        "wall_seconds": round(usage.wall_seconds, 3),
        "cpu_seconds": round(usage.cpu_seconds, 3),
        "peak_bytes": usage.peak_bytes,
        "why": reason(usage) if usage.code else None,
    }


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """The slope of a line through the logarithms, over what the smallest size does not hide.

    What the smallest size takes is taken off first: the start of the process, its imports.
    """
    base = min(values)
    pairs = [
        (math.log(size), math.log(value - base))
        for size, value in zip(sizes, values, strict=True)
        if value > 1.05 * base
    ]
    if len(pairs) < 2:
        return None
    x, y = zip(*pairs, strict=True)
    return float(np.polyfit(x, y, 1)[0])


def measure_scaling(folder: Path) -> dict[str, object]:
    """Both sweeps, with their exponents."""
    return {
        "by_megabytes": _with_exponents(sweep(large_weights, MEGABYTES, folder, "--no-verify")),
        "by_operators": _with_exponents(sweep(many_operators, OPERATORS, folder)),
    }


def _with_exponents(rows: list[dict[str, object]]) -> dict[str, object]:
    done = [row for row in rows if row["why"] is None]
    sizes = [float(str(row["size"])) for row in done]
    exponents = {
        name: exponent(sizes, [float(str(row[name])) for row in done]) if done else None
        for name in ("cpu_seconds", "peak_bytes")
    }
    return {"rows": rows, "exponents": exponents}
