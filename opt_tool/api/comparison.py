"""Compares two models, or a model and known outputs, on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from opt_tool.api.comparison_report import ComparisonReport
from opt_tool.api.difference import Comparison
from opt_tool.api.expected_arrays import by_output, holds_arrays, read_arrays
from opt_tool.api.judgement import MIN_SQNR_DB, Judgement, bound_of, failed, samples_of
from opt_tool.api.model_comparison import ModelComparison
from opt_tool.api.opened_model import OpenedModel
from opt_tool.api.picture_files import DEFAULT, Preprocessing
from opt_tool.api.report import InputReport
from opt_tool.api.sample_inputs import SAMPLES
from opt_tool.errors import UsageError


def verify(
    reference: str | Path,
    candidate: str | Path,
    *,
    reference_weights: str | Path | None = None,
    candidate_weights: str | Path | None = None,
    inputs: Mapping[str, np.ndarray | Path] | None = None,
    samples: int | str | Path = SAMPLES,
    preprocessing: Preprocessing = DEFAULT,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    bound: float | None = None,
    min_sqnr: float = MIN_SQNR_DB,
    per_layer: bool = False,
    on_stage: Callable[[str], None] | None = None,
) -> ComparisonReport:
    """Compare two models, each of any format that opt reads, or one with known outputs.

    ONNX models run in onnxruntime, Caffe models in OpenCV and TFLite models in LiteRT where
    those are installed, the others in the NumPy runtime. Known outputs are a ``.npy`` or
    ``.npz`` file or a folder of ``.npy`` files. A report with status ``failed`` is returned,
    not raised.

    Args:
        reference: The model that is right.
        candidate: The model to be checked; its inputs and outputs stand in the same order.
        reference_weights: The second file of a reference that is a Caffe model.
        candidate_weights: Likewise of the candidate.
        inputs: Arrays, .npy files or pictures by the reference's input names (the only input
            may be called ""); by default there are ``samples``.
        samples: How many sets to make from a fixed seed, or a folder of arrays and pictures.
        preprocessing: What is done to pictures of that folder.
        input_shapes: Shapes that take the place of those in the reference, by input name.
        bound: How much of its scale a tensor may differ by; by default 1e-4, and 2e-2 where
            the reference computes in 16 bits.
        min_sqnr: What the outputs of a quantized candidate keep at least, in dB; the bound
            does not count for it unless it is given.
        per_layer: Whether to compare what is inside of the models as well.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        UsageError: when the two cannot be compared.
    """
    files = [
        tuple(Path(file) for file in side if file is not None)
        for side in ((reference, reference_weights), (candidate, candidate_weights))
    ]
    judgement = Judgement(
        inputs,
        samples if isinstance(samples, int) else Path(samples),
        preprocessing,
        bound,
        min_sqnr,
        per_layer,
        {} if input_shapes is None else input_shapes,
        (lambda stage: None) if on_stage is None else on_stage,  # noqa: ARG005
    )
    known = [holds_arrays(side[0]) for side in files]
    if any(known) and per_layer:
        raise UsageError("known outputs have no layers; leave --per-layer out")
    if all(known):
        return _compare_arrays(files[0][0], files[1][0], judgement)
    if any(known):
        return _compare_with_arrays(files, judgement, arrays_first=known[0])
    return ModelComparison(files[0], files[1], judgement).run()


def _compare_arrays(reference: Path, candidate: Path, judgement: Judgement) -> ComparisonReport:
    """Compare two sets of outputs."""
    if judgement.inputs is not None or isinstance(judgement.samples, Path):
        raise UsageError("known outputs take no inputs")
    expected, found = read_arrays(reference), read_arrays(candidate)
    names = list(expected)
    return _report(
        (reference, candidate), expected, by_output(candidate, found, names), judgement, {}
    )


def _compare_with_arrays(
    files: Sequence[tuple[Path, ...]], judgement: Judgement, *, arrays_first: bool
) -> ComparisonReport:
    """Compare what a model computes with outputs that are known."""
    model_files = files[1] if arrays_first else files[0]
    (path,) = files[0] if arrays_first else files[1]
    judgement.on_stage("read")
    model = OpenedModel.read(model_files, judgement.input_shapes)
    if judgement.inputs is None and not isinstance(judgement.samples, Path):
        raise UsageError(
            f"{path}: holds outputs for inputs that are not known; give those with --input"
        )
    runner = model.runner(())
    samples = list(samples_of(judgement, runner, model.graph))
    if len(samples) != 1:
        raise UsageError(f"{path}: holds the outputs of one sample, there are {len(samples)}")
    ((sample, made),) = samples
    known = by_output(path, read_arrays(path), list(made))
    expected, found = (known, made) if arrays_first else (made, known)
    return _report((files[0][0], files[1][0]), expected, found, judgement, sample)


def _report(
    files: tuple[Path, Path],
    expected: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    judgement: Judgement,
    sample: Mapping[str, np.ndarray],
) -> ComparisonReport:
    comparisons = [Comparison(name) for name in expected]
    for comparison in comparisons:
        comparison.add(expected[comparison.name], found[comparison.name])
    outputs = tuple(comparison.result() for comparison in comparisons)
    bound = bound_of(judgement, half=False)
    return ComparisonReport(
        status="failed" if failed(outputs, bound) else "passed",
        reference=str(files[0]),
        candidate=str(files[1]),
        bound=bound,
        samples=1,
        inputs=tuple(InputReport.of(name, array) for name, array in sample.items()),
        outputs=outputs,
        preprocessing=judgement.picture_treatment,
        warnings=judgement.warnings,
    )
