"""What a comparison reports; the fields are the keys of the JSON object."""

from __future__ import annotations

from dataclasses import dataclass

from opt_tool.api.difference import Difference
from opt_tool.api.divergence import Cause
from opt_tool.api.json_form import to_json
from opt_tool.api.layer_comparison import LayerDifference
from opt_tool.api.report import InputReport


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """Whether two models compute the same.

    ``min_sqnr_db`` is what a quantized candidate is judged by instead of the bound.
    ``cause`` says where ``first_divergence`` comes from, as far as that can be told.
    ``ranking`` names the tensors of the layers with other weights, the one that costs the
    outputs most first.
    """

    status: str
    reference: str
    candidate: str
    bound: float
    samples: int
    inputs: tuple[InputReport, ...]
    outputs: tuple[Difference, ...]
    min_sqnr_db: float | None = None
    preprocessing: str | None = None
    layers: tuple[LayerDifference, ...] = ()
    first_divergence: LayerDifference | None = None
    cause: Cause | None = None
    ranking: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        return to_json(self)
