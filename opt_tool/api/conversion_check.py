"""The last stage of a conversion: whether the written file computes what its source computes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from opt_tool.api.conversion_request import Request, Written, load_source
from opt_tool.api.difference import largest
from opt_tool.api.drift import is_exact, judge_quantized, quantization_failures
from opt_tool.api.exact_judgement import Definition, judge_exactly
from opt_tool.api.file_format import FileFormat
from opt_tool.api.input_layout import channels_first
from opt_tool.api.kernel_check import check_kernels
from opt_tool.api.loading import caffe_files, load_model
from opt_tool.api.memory import release_freed_memory
from opt_tool.api.report import ConversionReport, VerificationReport
from opt_tool.api.runners import NumpyRunner, Runner
from opt_tool.api.verification import failures, pairs_of, results_of, run_on_samples, verify_results
from opt_tool.errors import UsageError, VerificationError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph

LARGE = 1 << 30
"""The model of a file of more bytes is run part by part, so that it fits into the memory."""


def verify_written(request: Request, written: Written, part: Path) -> VerificationReport:
    """Compare the file that was written with what the source computes in its own runtime.

    Args:
        request: What was asked for.
        written: What is known of the graph that is in the file.
        part: The file, before it takes its place.

    Raises:
        VerificationError: when the reference cannot run the source.
    """
    keep = [probe.name for probe in written.probes]
    runner = _reference(request, written, part, keep)
    samples, expected = _expected(runner, request, written)
    reference = runner.name
    del runner  # with its copy of the weights
    release_freed_memory()
    candidate = paddle_lite.read(part)
    check_kernels(candidate, request.target, request.version, request.library)
    outputs = [name for name in expected[0] if name not in keep]
    pairs = pairs_of(outputs, candidate, written.probes)
    fed = [channels_first(sample, written.channels_first) for sample in samples]
    results: Iterable[Mapping[str, np.ndarray]] = results_of(candidate, fed, pairs)
    if written.restored is not None:
        results = list(results)  # they are compared with two references
    report = verify_results(
        results,
        fed,
        expected,
        pairs,
        reference=reference,
        half_precision=written.half_precision,
    )
    if written.restored is not None and request.quantization is not None:
        options = request.quantization
        return judge_quantized(report, candidate, written.restored, fed, results, options)
    if report.status == "passed":
        return report
    together = list(zip(samples, fed, expected, strict=True))
    source = load_source(request).graph
    define = functools.partial(_definition, request, written, source)
    return judge_exactly(report, source, candidate, together, pairs, define)


def _definition(request: Request, written: Written, source: Graph) -> Definition | None:
    """What computes the source in float64 without opt's reader, where there is such a thing."""
    if written.source.format != FileFormat.ONNX.value:
        return None
    from opt_tool.api.onnx_definition import onnx_definition

    return onnx_definition(
        request.files[0],
        source,
        input_values=request.input_values,
        external_data=request.external_data,
        as_float=written.quantized,
    )


def _expected(
    runner: Runner, request: Request, written: Written
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """Samples, and what the reference makes of each."""
    try:
        return run_on_samples(runner.run, written.inputs, request.samples)
    except UsageError as error:
        if request.input_shapes:
            raise
        raise VerificationError(f"{error}; no file was written") from error


def _reference(request: Request, written: Written, part: Path, keep: Sequence[str]) -> Runner:
    if written.source.format == FileFormat.ONNX.value:
        from opt_tool.api.onnx_runner import OnnxRunner

        return OnnxRunner(
            request.files[0],
            outputs=request.outputs,
            keep=keep,
            input_shapes=request.input_shapes,
            input_values=request.input_values,
            external_data=request.external_data,
            as_float=written.quantized,
            in_parts=part.stat().st_size > LARGE,
        )
    if written.source.format == FileFormat.TFLITE.value:
        from opt_tool.api.litert_runner import tflite_runner

        return tflite_runner(
            request.files[0],
            outputs=request.outputs,
            keep=keep,
            input_shapes=request.input_shapes,
        )
    if written.source.format == FileFormat.CAFFE.value:
        from opt_tool.api.caffe_runner import caffe_runner

        return caffe_runner(
            *caffe_files(request.files),
            outputs=request.outputs,
            keep=keep,
            input_shapes=request.input_shapes,
        )
    loaded = load_model(*request.files, input_shapes=request.input_shapes)
    return NumpyRunner(loaded.graph, keep=keep)


def failure_sentence(report: ConversionReport) -> str:
    """What is wrong with a file that was not left in place, and what can be done about it."""
    verification = report.verification
    if verification.min_sqnr_db is not None and is_exact(verification):
        return _drift_sentence(report)
    return _fault_sentence(report)


def _fault_sentence(report: ConversionReport) -> str:
    """That the file is not what the reference computes, and whose fault it may be."""
    verification = report.verification
    facts = "; ".join(failures(verification))
    if not verification.file_errors:
        return (
            f"{report.source.path}: the converted model does not compute what the source "
            f"computes, so no file was written: {facts}. This is a fault of opt: please report "
            "it with the model"
        )
    ours, theirs = map(largest, (verification.file_errors, verification.reference_errors))
    return (
        f"{report.source.path}: the converted model does not compute what "
        f"{verification.reference} computes, so no file was written: {facts}. The file is within "
        f"{ours:.1e} of what opt computes of the source in float64, {verification.reference} "
        f"within {theirs:.1e}: either that is inexact, or opt reads the model wrong. Please "
        "report it with the model; --no-verify writes the file"
    )


def _drift_sentence(report: ConversionReport) -> str:
    """That too little is left of the outputs, and what can be done about it."""
    facts = "; ".join(quantization_failures(report.verification))
    return (
        f"{report.source.path}: the quantized weights change the outputs too much, so no file "
        f"was written: {facts}, asked for are {report.verification.min_sqnr_db:g} dB. Use more "
        "bits (int16, mixed, --bits-for NAME=16), --keep-float NAME, or a lower --min-sqnr"
    )
