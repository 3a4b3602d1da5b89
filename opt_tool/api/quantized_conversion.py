"""Quantizes any model, a finished float .nb file too, to a .nb file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from opt_tool.api.conversion import convert
from opt_tool.api.file_format import FileFormat, detect
from opt_tool.api.loading import load
from opt_tool.api.quantization import QuantizationOptions
from opt_tool.api.report import ConversionReport
from opt_tool.api.written_for import target_of
from opt_tool.targets import Target


def quantize(
    model: str | Path,
    output: str | Path,
    weights: str | Path | None = None,
    *,
    options: QuantizationOptions | None = None,
    target: str | None = None,
    lite_version: str = "2.13",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    verify: bool = True,
    report: str | Path | None = None,
    checksums: bool = True,
    on_stage: Callable[[str], None] | None = None,
) -> ConversionReport:
    """Write a model as a .nb file whose weights have fewer bits, without calibration data.

    Args:
        model: Anything that ``convert`` takes; of a .nb file the float weights are quantized.
        output: The .nb file to write; it appears whole or not at all.
        weights: The second file of formats that have two.
        options: How to quantize; by default to 8 bits by the most accurate method.
        target: ``arm`` or ``x86``; by default what a .nb file is for, else ``arm``.
        lite_version: The Paddle Lite version of the runtime.
        input_shapes: Shapes that take the place of those in the model, by input name.
        verify: Whether to compare the file with the source before it is left in place.
        report: A file for the report, as JSON.
        checksums: Whether the report has the SHA-256 of the files, a second for each GB.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        OptError: one of its subclasses, each of which says what can be done.
    """
    return convert(
        model,
        output,
        weights,
        target=_target(Path(model)) if target is None else target,
        lite_version=lite_version,
        input_shapes=input_shapes,
        quantization=QuantizationOptions() if options is None else options,
        verify=verify,
        report=report,
        checksums=checksums,
        on_stage=on_stage,
    )


def _target(model: Path) -> str:
    if detect(model) is FileFormat.PADDLE_LITE:
        return target_of(load(model)).value
    return Target.ARM.value
