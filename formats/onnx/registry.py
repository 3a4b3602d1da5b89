"""Which function reads which ONNX operator, by domain, name and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from opt_tool.formats.onnx.refusals import refusal_of
from opt_tool.formats.registry import Registry
from opt_tool.ir import Value

if TYPE_CHECKING:
    from opt_tool.formats.onnx.node import OnnxNode

Importer: TypeAlias = "Callable[[OnnxNode], Value | Sequence[Value | None]]"
"""Adds what a node means to the graph and returns the node's outputs."""

I = TypeVar("I", bound=Importer)  # noqa: E741

IMPORTERS: Registry[tuple[str, str], dict[int, Importer]] = Registry(
    "opt_tool.formats.onnx.operators",
    (
        "creation",
        "convolution",
        "activation",
        "arithmetic",
        "shape",
        "pooling",
        "matmul",
        "data_movement",
        "normalization",
        "softmax",
        "unary",
        "rearrangement",
        "slicing",
        "reduction",
        "resizing",
        "indexing",
        "comparison",
        "padding",
        "quantization",
        "recurrence",
        "control_flow",
        "attention",
        "einsum",
        "fused",
        "detection",
        "scattering",
        "sampling",
        "sequences",
        "signal",
        "deformable",
        "unpooling",
        "block_quantized",
    ),
)
"""By domain and name, the importers of each operator by the opset that they are for."""


def onnx_op(name: str, *, since: int, domain: str = "") -> Callable[[I], I]:
    """Register the importer of an operator for models of opset ``since`` and newer."""

    def register(importer: I) -> I:
        versions = IMPORTERS.add((domain, name), {})
        if since in versions:
            raise TypeError(f"{name} since opset {since} has two importers")
        versions[since] = importer
        return importer

    return register


def importer_for(domain: str, name: str, opsets: Mapping[str, int]) -> Importer | None:
    """The newest importer that is not newer than the model's opset."""
    versions = IMPORTERS.get((domain, name), {})
    usable = [since for since in versions if since <= opsets.get(domain, 1)]
    return versions[max(usable)] if usable else None


def supported_operators() -> tuple[tuple[str, str], ...]:
    """Every domain and operator that has an importer or a definition by others, sorted."""
    from opt_tool.formats.onnx.standard_functions import function_operators

    defined = {key for key in function_operators() if refusal_of(*key) is None}
    return tuple(sorted(defined.union(IMPORTERS)))
