"""Converts a model to a .nb file and proves that the file computes the same.

The stages hand on as little as they can: the source's weights are gone before onnxruntime
loads its own copy, and that one is gone before the written file is read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opt_tool._version import __version__
from opt_tool.api.conversion_request import Request, Written, load_source
from opt_tool.api.file_limits import file_limits
from opt_tool.api.input_layout import feed_channels_first, parse_layout
from opt_tool.api.leftovers import temporary_folder
from opt_tool.api.loading import LoadedModel
from opt_tool.api.lowering import extra_operators, parse_library, parse_target
from opt_tool.api.memory import peak_rss_bytes, release_freed_memory
from opt_tool.api.optimisation import PassLog
from opt_tool.api.output_file import check_output, output_file, write_text
from opt_tool.api.report import (
    SKIPPED,
    ConversionReport,
    OutputReport,
    QuantizationReport,
    Seconds,
    SourceReport,
    VerificationReport,
    file_sha256,
)
from opt_tool.api.sample_inputs import SAMPLES, input_specs
from opt_tool.api.stopwatch import Stopwatch
from opt_tool.api.tensorflow_source import tensorflow_as_onnx
from opt_tool.errors import VerificationError
from opt_tool.formats import paddle_lite
from opt_tool.ir import Graph
from opt_tool.passes.name_parameters import short_parameter_names
from opt_tool.passes.pipeline import passes_for, run_passes
from opt_tool.passes.plan_memory import plan_variable_names
from opt_tool.passes.rewrite import Pass
from opt_tool.targets import Library, LiteVersion

if TYPE_CHECKING:
    from opt_tool.api.quantization import QuantizationOptions, Quantizer
    from opt_tool.api.verification import Probe
    from opt_tool.api.visualization import BeforeAndAfter

UNVERIFIED = ("the file was not verified",)


class FailedConversionError(VerificationError):
    """A file that does not compute what its source computes; it was not left in place."""

    def __init__(self, report: ConversionReport, sentence: str) -> None:
        super().__init__(sentence)
        self.report = report


def convert(
    model: str | Path,
    output: str | Path,
    weights: str | Path | None = None,
    *,
    target: str = "arm",
    lite_version: str = "2.13",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    input_values: Mapping[str, np.ndarray] | None = None,
    external_data: str | Path | None = None,
    outputs: Sequence[str] = (),
    input_layout: str | None = None,
    library: str = "with_extra",
    quantization: QuantizationOptions | None = None,
    verify: bool = True,
    dry_run: bool = False,
    dump_passes: str | Path | None = None,
    visualize: str | Path | None = None,
    report: str | Path | None = None,
    checksums: bool = True,
    on_stage: Callable[[str], None] | None = None,
) -> ConversionReport:
    """Convert a model to one .nb file.

    Args:
        model: The source model, or a .nb file.
        output: The .nb file to write; it appears whole or not at all.
        weights: The second file of formats that have two.
        target: ``arm`` or ``x86``.
        lite_version: The Paddle Lite version of the runtime, such as ``2.13``.
        input_shapes: Shapes that take the place of those in the model, by input name.
        input_values: Inputs of an ONNX model that become constants, by input name.
        external_data: A folder besides the model's that external data of ONNX models may lie in.
        outputs: Names of the tensors to compute instead of the model's outputs.
        library: ``basic`` to use only what the runtime's small build has.
        input_layout: ``nchw`` to feed the file pictures with the channels first that the
            model takes with the channels last.
        quantization: How to store weights in fewer bits; None keeps them as they are.
        verify: Whether to compare the file with the source before it is left in place.
        dry_run: Do everything, verification too, and leave no file.
        dump_passes: A folder to write the graph to, as text, after each pass.
        visualize: An HTML page to draw the graph on, before and after.
        report: A file for the report, as JSON.
        checksums: Whether the report has the SHA-256 of the files, a second for each GB.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        OptError: one of its subclasses, each of which says what can be done.
    """
    files = tuple(Path(file) for file in (model, weights) if file is not None)
    request = Request(
        files,
        files,
        Path(output),
        parse_target(target),
        LiteVersion.parse(lite_version),
        {} if input_shapes is None else input_shapes,
        {} if input_values is None else input_values,
        None if external_data is None else Path(external_data),
        tuple(outputs),
        parse_library(library),
        SAMPLES if verify else 0,
        dry_run,
        parse_layout(input_layout),
        None if dump_passes is None else Path(dump_passes),
        None if visualize is None else Path(visualize),
        quantization,
        checksums or report is not None,
    )
    if report is not None:
        check_output(Path(report), files)
    if request.visualize is not None:
        from opt_tool.api.visualization import check_drawing

        check_drawing(request.visualize, files, pages_only=True)
    watch = Stopwatch(on_stage)
    try:
        with tensorflow_as_onnx(files, request.outputs) as readable:
            result = _convert(request._replace(files=readable), watch)
    except FailedConversionError as error:
        _write_report(report, error.report)
        raise
    _write_report(report, result)
    return result


def _write_report(path: str | Path | None, report: ConversionReport) -> None:
    if path is not None:
        write_text(Path(path), report.to_json() + "\n")


def _convert(request: Request, watch: Stopwatch) -> ConversionReport:
    with _place(request) as part:
        written = _write(request, part, watch)
        release_freed_memory()
        with watch.stage("verify"):
            verification = _verify(request, written, part)
        report = _report(request, written, verification, watch)
        if verification.status == "failed":
            nowhere = report.output._replace(path=None)
            raise _failure(report._replace(output=nowhere))
    return report


def _verify(request: Request, written: Written, part: Path) -> VerificationReport:
    """What the file computes beside its source, where that is asked for."""
    if not request.samples:
        return SKIPPED
    from opt_tool.api.conversion_check import verify_written

    return verify_written(request, written, part)


def _failure(report: ConversionReport) -> FailedConversionError:
    from opt_tool.api.conversion_check import failure_sentence

    return FailedConversionError(report, failure_sentence(report))


@contextmanager
def _place(request: Request) -> Iterator[Path]:
    """The file to write to: beside the output, or somewhere else for a dry run."""
    if not request.dry_run:
        with output_file(request.output, request.given) as part:
            yield part
        return
    check_output(request.output, request.given)
    with temporary_folder() as folder:
        yield folder / request.output.name


# ---- stages


def _write(request: Request, part: Path, watch: Stopwatch) -> Written:
    """Read, rewrite and write; the graph is gone afterwards."""
    with watch.stage("read"):
        loaded = load_source(request)
        source = _source_report(request, loaded)
        inputs = input_specs(loaded.graph)
    moved = feed_channels_first(loaded.graph) if request.channels_first else ()
    log = PassLog(loaded.graph, request.dump_passes)
    page = _page(request, loaded.graph)
    quantizer = _quantizer(request, loaded.graph)
    with watch.stage("passes"):
        run_passes(loaded.graph, _passes(request), on_pass=log)
    quantization = QuantizationReport()
    if quantizer is not None:
        with watch.stage("quantize"):
            quantization = quantizer.run()
    if page is not None:
        page.write(loaded.graph, request.target, request.version, quantization)
    notes = (*loaded.notes, *file_limits(loaded.graph, log.summaries, request.target))
    with watch.stage("write"):
        output = _save(request, loaded.graph, part)
    return Written(
        source,
        output,
        tuple(log.summaries),
        inputs,
        moved,
        quantization,
        None if quantizer is None else loaded.graph,
        _probes(request, loaded),
        loaded.half_precision,
        loaded.quantized,
        notes,
    )


def _probes(request: Request, loaded: LoadedModel) -> Sequence[Probe]:
    """What of the source is compared besides its outputs, where anything is."""
    if not request.samples:
        return ()
    from opt_tool.api.verification import probes

    return probes(loaded.graph, (name for node in loaded.nodes for name in node.outputs))


def _passes(request: Request) -> Iterable[Pass]:
    quantized = request.quantization is not None
    return passes_for(request.target, request.version, request.library, quantized=quantized)


def _save(request: Request, graph: Graph, part: Path) -> OutputReport:
    names = plan_variable_names(graph) | short_parameter_names(graph)
    paddle_lite.write(graph, part, version=request.version, names=names)
    return _output_report(request, graph, part)


def _page(request: Request, graph: Graph) -> BeforeAndAfter | None:
    """What draws the graph before and after; None where nobody asks for it."""
    if request.visualize is None:
        return None
    from opt_tool.api.visualization import BeforeAndAfter

    return BeforeAndAfter(request.visualize, graph, request.given[0].name)


def _quantizer(request: Request, graph: Graph) -> Quantizer | None:
    """What quantizes the graph, made before batch norms are folded; None where nothing does."""
    if request.quantization is None:
        return None
    from opt_tool.api.quantization import Quantizer

    return Quantizer(graph, request.version, request.quantization)


# ---- reports


def _source_report(request: Request, loaded: LoadedModel) -> SourceReport:
    given = request.given
    same = loaded.files if any(path.is_dir() for path in given) else given  # a folder has no bytes
    return SourceReport(
        path=str(given[0]),
        format=loaded.format.value,
        bytes=sum(file.stat().st_size for file in same),
        sha256=file_sha256(*same) if request.checksums else None,
        ops=len(loaded.nodes),
    )


def _output_report(request: Request, graph: Graph, part: Path) -> OutputReport:
    extra = extra_operators(graph, request.target, request.version)
    return OutputReport(
        path=None if request.dry_run else str(request.output),
        bytes=part.stat().st_size,
        sha256=file_sha256(part) if request.checksums else None,
        ops=len(graph),
        parameter_bytes=sum(
            value.data.nbytes for value in graph.constants if value.data is not None
        ),
        library=(Library.WITH_EXTRA if extra else Library.BASIC).value,
        extra_operators=extra,
    )


def _report(
    request: Request, written: Written, verification: VerificationReport, watch: Stopwatch
) -> ConversionReport:
    stages = {name: watch.seconds.get(name, 0.0) for name in ("read", "passes", "quantize")}
    warnings = verification.warnings if request.samples else UNVERIFIED
    return ConversionReport(
        tool_version=__version__,
        source=written.source,
        target=request.target.value,
        lite_version=str(request.version),
        output=written.output,
        passes=written.passes,
        quantization=written.quantization,
        verification=verification,
        seconds=Seconds(
            **stages,
            write=watch.seconds["write"],
            verify=watch.seconds["verify"],
            total=watch.total,
        ),
        peak_rss_bytes=peak_rss_bytes(),
        warnings=(*written.notes, *warnings),
    )
