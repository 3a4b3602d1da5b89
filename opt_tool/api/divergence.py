"""Says why two models part: in the file, in a pass, or in the reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opt_tool.api.difference import Comparison
from opt_tool.api.layer_comparison import LayerDifference
from opt_tool.api.layer_matching import MatchedNodes
from opt_tool.api.lowering import parse_target
from opt_tool.api.opened_model import OpenedModel
from opt_tool.api.runners import EXACT, Feeds
from opt_tool.ir import Graph
from opt_tool.passes.pipeline import passes_for
from opt_tool.runtime.executor import Executor
from opt_tool.targets import LiteVersion

OWN_BOUND = 1e-5
"""An operation that is fed with the same numbers is off by rounding at most."""


STRAY_SHARE = 0.01
"""More integers than this share do not go astray by accident."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a divergence comes from.

    ``kind`` is ``weight`` or ``attribute`` (the candidate has another one than a conversion
    of the reference), ``pass`` (the conversion goes wrong there), ``reader`` (the reference
    was read wrong) or ``computation`` (the operations look alike and compute otherwise);
    ``name`` is the weight's, the attribute's, the pass's or the format's.
    """

    kind: str
    name: str
    sentence: str


def first_divergence(
    layers: Sequence[LayerDifference], bound: float, *, failed: bool, quantized: bool
) -> LayerDifference | None:
    """The first layer that is off by itself, or else the first that is off at all.

    Where the outputs agree, what rounding adds up to inside of the model is no divergence. A
    layer of a quantized file is off by design; it diverges where some of its integers are no
    rounding of the weights, or where nothing is left of it.
    """
    if quantized:
        astray = [layer for layer in layers if has_stray_integers(layer)]
        lost = [layer for layer in layers if failed and not layer.difference.within(1.0)]
        return next(iter((*astray, *lost)), None)
    by_itself = [
        layer for layer in layers if layer.own is not None and not layer.own.within(OWN_BOUND)
    ]
    if by_itself:
        return by_itself[0]
    bad = [layer for layer in layers if not layer.difference.within(bound)]
    return bad[0] if failed and bad else None


def has_stray_integers(layer: LayerDifference) -> bool:
    """Whether a few integers are no rounding; where many are, the weights were scaled before."""
    weight = layer.weight
    return weight is not None and 0 < weight.astray <= max(1.0, STRAY_SHARE * weight.size)


def cause_in_file(layer: LayerDifference, pair: MatchedNodes) -> Cause | None:
    """What of an operation differs from what it should be, None where nothing does."""
    if layer.own is None or layer.own.within(OWN_BOUND):
        return None
    weight = layer.weight
    if weight is not None:
        shown = "" if weight.candidate == weight.reference else f" ({weight.candidate!r} there)"
        fact = f"differs in {weight.differing} of {weight.size} numbers"
        if has_stray_integers(layer):
            fact = f"has {weight.astray} of {weight.size} integers that are no rounding of it"
        return Cause("weight", weight.reference, f"weight {weight.reference!r}{shown} {fact}")
    fields = list(_other_fields(pair))
    if fields:
        shown = "; ".join(f"{name} is {there!r}, not {here!r}" for name, here, there in fields)
        return Cause("attribute", fields[0][0], shown)
    return Cause("computation", layer.op, "its weights and attributes are the same")


def _other_fields(pair: MatchedNodes) -> Iterator[tuple[str, object, object]]:
    for name, there in pair.candidate.op.attributes.items():
        here = getattr(pair.reference.op, name)
        if here != there:
            yield name, here, there


def cause_in_conversion(
    reference: OpenedModel,
    target: str,
    version: str,
    feeds: Feeds,
    tensors: Mapping[str, np.ndarray],
    bound: float,
) -> Cause | None:
    """Convert the reference again, pass by pass, and name the pass that changes its results.

    Args:
        reference: A model of a source format.
        target: What the candidate was made for.
        version: The runtime version that it was made for.
        feeds: Inputs by the reference's names.
        tensors: What the reference's own runtime makes of them.
        bound: How far results may be off.
    """
    graph = reference.again()
    if not _agrees(graph, feeds, tensors, bound):
        name = reference.format.value
        return Cause("reader", name, f"the model as opt reads it ({name}) computes it already")
    for graph_pass in passes_for(parse_target(target), LiteVersion.parse(version)):
        report = graph_pass.run(graph)
        if report.changes and not _agrees(graph, feeds, tensors, bound):
            fact = f"it comes with the pass {report.name} ({report.changes} changes)"
            return Cause("pass", report.name, fact)
    return None


def _agrees(graph: Graph, feeds: Feeds, tensors: Mapping[str, np.ndarray], bound: float) -> bool:
    """Whether a graph makes those of the tensors that it has."""
    made = {value.name for node in graph.nodes for value in node.outputs.flat()}
    names = [name for name in tensors if name in made]
    results = Executor(graph, EXACT).run(feeds, keep=names)
    for name in names:
        comparison = Comparison(name)
        if results[name].shape == tensors[name].shape:
            comparison.add(tensors[name], results[name])
            if not comparison.result().within(bound):
                return False
    return True
