"""Figures over many models, from nothing but the report."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias  # JSON

Report: TypeAlias = Mapping[str, Any]
Facts: TypeAlias = Mapping[str, Any]

OPT, UNVERIFIED, OFFICIAL = "opt", "opt --no-verify", "official route"
PEERS: Mapping[str, str] = {
    OFFICIAL: "official",
    "MNN": "mnn",
    "ncnn": "ncnn",
    "onnxsim": "onnxsim",
    "onnxslim": "onnxslim",
    "onnxruntime dynamic": "onnxruntime",
    "onnxruntime weight-only": "onnxruntime",
    "LiteRT weight-only": "litert",
}
"""The tools beside opt, each with its environment."""

RIGHT = 1e-2
"""A float file whose outputs differ by more of their scale is wrong."""


def geometric_mean(values: Iterable[float]) -> float | None:
    """None of nothing."""
    logarithms = [math.log(value) for value in values if value > 0]
    return math.exp(statistics.fmean(logarithms)) if logarithms else None


def conversion(model: Facts, tool: str, mode: str = "float", target: str = "arm") -> Facts | None:
    """What came of a conversion; for tools without targets of their only one."""
    targets = model["conversions"].get(tool, {}).get(mode, {})
    found = targets.get(target, targets.get("x86"))
    return found if found is not None and found["converted"] else None


def reads(model: Facts, tool: str) -> bool:
    """Whether the tool was tried on the model."""
    return tool in model["conversions"]


def modes(model: Facts, tool: str) -> Iterator[str]:
    """The modes in which a tool converted a model, float first."""
    for mode in ("float", "int8", "int16"):
        if conversion(model, tool, mode) is not None:
            yield mode


def status(model: Facts, tool: str) -> str:
    """``right``, ``wrong`` or ``does not run``; ``no`` where there is no file."""
    mode = next(modes(model, tool), None)
    if mode is None:
        return "no"
    fidelity = model["fidelity"].get(tool, {}).get(mode)
    if fidelity is None:
        return "does not run"
    if "problem" in fidelity:
        return "does not run" if fidelity["problem"].startswith("does not run") else "wrong"
    if mode != "float":
        return "right"  # how near is told by its SQNR
    return "right" if fidelity["max_error_of_scale"] <= RIGHT else "wrong"


def count(report: Report, tool: str, *wanted: str) -> int:
    """On how many models a tool has one of these statuses."""
    return sum(
        status(model, tool) in wanted for model in report["models"].values() if reads(model, tool)
    )


def tried(report: Report, tool: str) -> int:
    """How many models a tool was tried on."""
    return sum(reads(model, tool) for model in report["models"].values())


# ---- opt against one peer


@dataclass(frozen=True)
class Measure:
    """A figure of a model and a tool, of which less is better.

    Attributes:
        name: The head of its column.
        of: The figure, or None where there is none.
        total: Whether sums are compared, not each model with itself.
    """

    name: str
    of: Callable[[Facts, str], float | None]
    total: bool = False


def _cost(name: str) -> Callable[[Facts, str], float | None]:
    def figure(model: Facts, tool: str) -> float | None:
        mode = next(modes(model, tool), None)
        facts = None if mode is None else conversion(model, tool, mode)
        return None if facts is None else float(facts[name])

    return figure


def _bytes(mode: str) -> Callable[[Facts, str], float | None]:
    def figure(model: Facts, tool: str) -> float | None:
        facts = conversion(model, tool, mode)
        return None if facts is None else float(facts["bytes"])

    return figure


def _error(model: Facts, tool: str) -> float | None:
    facts = model["fidelity"].get(tool, {}).get("float", {})
    error = facts.get("max_error_of_scale")
    return None if error is None else max(float(error), 1e-7)  # below that it is rounding


def _noise(model: Facts, tool: str) -> float | None:
    """The noise that INT8 weights leave, as a part of the signal."""
    sqnr = model["fidelity"].get(tool, {}).get("int8", {}).get("sqnr_db")
    return None if sqnr is None else float(10 ** (-sqnr / 20))


def _latency(model: Facts, tool: str) -> float | None:
    facts = model["latency"].get(tool)
    return None if facts is None else float(facts["median_seconds"])


MEASURES = (
    Measure("processor time", _cost("cpu_seconds"), total=True),
    Measure("peak memory", _cost("peak_bytes")),
    Measure("float file", _bytes("float")),
    Measure("INT8 file", _bytes("int8")),
    Measure("INT16 file", _bytes("int16")),
    Measure("float error", _error),
    Measure("INT8 noise", _noise),
    Measure("latency", _latency),
)


def both(report: Report, peer: str) -> dict[str, Facts]:
    """The models that opt and the peer convert, both of them right."""
    return {
        name: model
        for name, model in report["models"].items()
        if status(model, OPT) == "right" and status(model, peer) == "right"
    }


def ratio(report: Report, peer: str, measure: Measure, ours: str = OPT) -> float | None:
    """opt's figure, of the peer's, over the models that both convert; below 1 opt is better."""
    pairs = list(pairs_of(report, peer, measure, ours).values())
    if not pairs:
        return None
    if measure.total:
        return sum(a for a, _ in pairs) / sum(b for _, b in pairs)
    return geometric_mean(a / b for a, b in pairs)


def pairs_of(
    report: Report, peer: str, measure: Measure, ours: str = OPT
) -> dict[str, tuple[float, float]]:
    """opt's figure and the peer's, by model."""
    found = {}
    for name, model in both(report, peer).items():
        a, b = measure.of(model, ours), measure.of(model, peer)
        if a is not None and b is not None:
            found[name] = (a, b)
    return found


def measure_called(name: str) -> Measure:
    """The measure of this name."""
    return next(measure for measure in MEASURES if measure.name == name)


def install_ratio(report: Report, peer: str) -> float:
    """What opt's installation takes, of the peer's."""
    tools = report["tools"]
    return float(tools["opt"]["install_bytes"] / tools[PEERS[peer]]["install_bytes"])
