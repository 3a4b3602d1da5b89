"""What a conversion is asked for, and what it hands on from one stage to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from opt_tool.api.loading import LoadedModel, load_model
from opt_tool.api.report import OutputReport, PassSummary, QuantizationReport, SourceReport
from opt_tool.api.sample_inputs import InputSpec
from opt_tool.ir import Graph
from opt_tool.targets import Library, LiteVersion, Target

if TYPE_CHECKING:
    from opt_tool.api.quantization import QuantizationOptions
    from opt_tool.api.verification import Probe


class Request(NamedTuple):
    """What the user asked for.

    ``files`` are those that are read, ``given`` those that the user named.
    """

    files: tuple[Path, ...]
    given: tuple[Path, ...]
    output: Path
    target: Target
    version: LiteVersion
    input_shapes: Mapping[str, Sequence[int]]
    input_values: Mapping[str, np.ndarray]
    external_data: Path | None
    outputs: tuple[str, ...]
    library: Library
    samples: int
    dry_run: bool
    channels_first: bool
    dump_passes: Path | None
    visualize: Path | None
    quantization: QuantizationOptions | None
    checksums: bool


class Written(NamedTuple):
    """What is kept of the graph once it is in the file.

    ``restored`` is the graph with quantized weights, which the file is compared with;
    ``notes`` are sentences on what is other in the file than in its source.
    """

    source: SourceReport
    output: OutputReport
    passes: tuple[PassSummary, ...]
    inputs: tuple[InputSpec, ...]
    channels_first: tuple[str, ...]
    quantization: QuantizationReport
    restored: Graph | None
    probes: Sequence[Probe]
    half_precision: bool
    quantized: bool
    notes: tuple[str, ...]


def load_source(request: Request) -> LoadedModel:
    """Read the model that is to be converted."""
    return load_model(
        *request.files,
        input_shapes=request.input_shapes,
        outputs=request.outputs,
        input_values=request.input_values,
        external_data=request.external_data,
    )
