"""What a conversion reports; the fields are the keys of the JSON object."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from opt_tool.api.difference import Difference
from opt_tool.api.json_form import to_json
from opt_tool.passes.quantization.weights import FloatWeight

CHUNK = 1 << 20


class SourceReport(NamedTuple):
    """The model that was read; of several files, ``path`` is the first, bytes are summed.

    ``sha256`` is None where nobody asked for checksums.
    """

    path: str
    format: str
    bytes: int
    sha256: str | None
    ops: int


class OutputReport(NamedTuple):
    """The file that was written; ``path`` is None where none was left in place.

    ``library`` is the smallest build of the runtime that runs it, ``basic`` or
    ``with_extra``; ``extra_operators`` are those that the basic one does not have.
    """

    path: str | None
    bytes: int
    sha256: str | None
    ops: int
    parameter_bytes: int
    library: str
    extra_operators: tuple[str, ...]


class PassSummary(NamedTuple):
    """How often one pass changed the graph, and what that saved.

    What is saved is negative where a pass adds work, and None where a size is open.
    """

    name: str
    changes: int
    ops_before: int
    ops_after: int
    macs_saved: int | None
    activation_bytes_saved: int | None


class QuantizedLayer(NamedTuple):
    """One weight that is stored in fewer bits.

    ``sqnr_db`` is the signal to noise of the weight, ``sensitivity_db`` that of the outputs
    when this weight alone has 8 bits, where a search measured it.
    """

    op: str
    node: str
    weight: str
    bits: int
    bytes_before: int
    bytes_after: int
    sqnr_db: float | None
    sensitivity_db: float | None = None


class SearchReport(NamedTuple):
    """What a search for the bits of each weight found; decibels are signal to noise.

    ``optimality_gap`` is by how much the weights are larger than any choice within the same
    budget can be, at most. ``sensitivity_db`` is what the outputs keep when one weight alone
    has 8 bits, by the name of its operation.
    """

    max_error_db: float
    measured_db: float | None
    optimality_gap: float
    sensitivity_db: dict[str, float | None]


class QuantizationReport(NamedTuple):
    """What was quantized, and how."""

    mode: str = "none"
    method: str | None = None
    layers: tuple[QuantizedLayer, ...] = ()
    kept_float: tuple[FloatWeight, ...] = ()
    bytes_before: int = 0
    bytes_after: int = 0
    search: SearchReport | None = None
    note: str | None = None


class InputReport(NamedTuple):
    """One input that the model was verified with."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, name: str, array: np.ndarray) -> InputReport:
        return cls(name, array.dtype.name, array.shape)


class VerificationReport(NamedTuple):
    """Whether the file computes what the source computes.

    ``reason`` says why the bound is not the usual one, or why outputs need not be within it:
    then ``file_errors`` and ``reference_errors`` are how far the file and the reference are
    from what the source computes in float64. A verification that failed has them where only
    the reference is not within the bound of that, as opt reads the source. Of a quantized file,
    ``restored`` is what is held to the bound: the file against the graph with the weights
    that the runtime restores; ``outputs`` is the drift from the source, which must keep
    ``min_sqnr_db``.
    """

    status: str
    reference: str | None = None
    samples: int = 0
    bound: float = 0.0
    reason: str | None = None
    min_sqnr_db: float | None = None
    restored: tuple[Difference, ...] = ()
    file_errors: tuple[Difference, ...] = ()
    reference_errors: tuple[Difference, ...] = ()
    inputs: tuple[InputReport, ...] = ()
    outputs: tuple[Difference, ...] = ()
    warnings: tuple[str, ...] = ()


SKIPPED = VerificationReport("skipped")


class Seconds(NamedTuple):
    """Wall time of each stage."""

    read: float
    passes: float
    quantize: float
    write: float
    verify: float
    total: float


class ConversionReport(NamedTuple):
    """All that is known about one conversion."""

    tool_version: str
    source: SourceReport
    target: str
    lite_version: str
    output: OutputReport
    passes: tuple[PassSummary, ...]
    quantization: QuantizationReport
    verification: VerificationReport
    seconds: Seconds
    peak_rss_bytes: int | None
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """The report as a JSON object, always with the same keys in the same order."""
        return to_json(self)


def file_sha256(*paths: Path) -> str:
    """The SHA-256 of files one after the other."""
    import hashlib  # loads OpenSSL, for what most conversions do not ask for

    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
