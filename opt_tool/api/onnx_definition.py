"""What an ONNX model computes by the definition of its operators, in float64.

The package onnx has every operator as a few lines of NumPy, which share nothing with the
readers and kernels of this package. They are slow, so large models are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx.reference
from onnx.reference import op_run
from onnx.reference.ops import op_stft

from opt_tool.api import cost
from opt_tool.errors import UsageError
from opt_tool.formats.onnx.external_data import DataFolders
from opt_tool.formats.onnx.file import load_model
from opt_tool.formats.onnx.float_form import float_form
from opt_tool.formats.onnx.older_opsets import upgraded
from opt_tool.formats.onnx.tensors import TensorReader
from opt_tool.formats.onnx.wide_floats import with_wide_floats
from opt_tool.ir import Graph

MACS = 300_000_000
"""The most multiply-accumulates of a model that is computed so; it takes some seconds."""

SIGNAL_WITHOUT_PARTS = 2
"""Dimensions of a signal that is real without saying so in a last axis of 1."""

FAILURES = (
    op_run.RuntimeContextError,
    op_run.RuntimeImplementationError,
    op_run.RuntimeTypeError,
    NotImplementedError,
    RuntimeError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""How the operators of onnx say that they do not do something, on purpose or not."""


class STFT(op_stft.STFT):
    """That of onnx, which takes no signals without a last axis, where runtimes do."""

    op_domain = ""

    def _run(self, x: Any, *operands: Any, **attributes: Any) -> Any:
        shaped = x[..., np.newaxis] if x.ndim == SIGNAL_WITHOUT_PARTS else x
        return super()._run(shaped, *operands, **attributes)  # type: ignore[no-untyped-call]  # onnx


class OnnxDefinition:
    """An ONNX model in onnx's reference implementation, in float64.

    Args:
        path: The model.
        input_values: What to feed the inputs with that are not fed otherwise.
        external_data: A folder besides the model's that its external data may lie in.
        as_float: Whether to compute the float model that a quantized one stands for.

    Raises:
        UsageError: when the reference implementation lacks one of its operators.
    """

    def __init__(
        self,
        path: Path,
        *,
        input_values: Mapping[str, np.ndarray] | None = None,
        external_data: Path | None = None,
        as_float: bool = False,
    ) -> None:
        self.path = path
        self._values = {} if input_values is None else dict(input_values)
        model = upgraded(load_model(path), path)
        tensors = TensorReader(DataFolders.of(path, external_data))
        if as_float:
            model = float_form(model, tensors)
        wide = with_wide_floats(model, tensors)
        try:
            self._evaluator = onnx.reference.ReferenceEvaluator(wide, new_ops=[STFT])
        except FAILURES as error:
            raise UsageError(f"{path}: onnx.reference cannot compute the model") from error

    def compute(
        self, feeds: Mapping[str, np.ndarray], names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """The tensors of these names.

        Raises:
            UsageError: when an operator does not take what it is given.
        """
        wide = {
            name: array.astype(np.float64) if array.dtype == np.float32 else array
            for name, array in {**self._values, **feeds}.items()
        }
        try:
            with np.errstate(all="ignore"):
                results = self._evaluator.run(list(names), wide)
        except FAILURES as error:
            raise UsageError(f"{self.path}: onnx.reference cannot run the model") from error
        return dict(zip(names, results, strict=True))


def onnx_definition(
    path: Path,
    graph: Graph,
    *,
    input_values: Mapping[str, np.ndarray] | None = None,
    external_data: Path | None = None,
    as_float: bool = False,
) -> OnnxDefinition | None:
    """The definition of a model; None where it cannot be computed, or not in some seconds.

    Args:
        path: The model.
        graph: The model as it was read.
        input_values: As for ``OnnxDefinition``.
        external_data: As for ``OnnxDefinition``.
        as_float: As for ``OnnxDefinition``.
    """
    macs = cost.known_sum(cost.macs(node) for node in graph.nodes)
    if macs is None or macs > MACS:
        return None
    try:
        return OnnxDefinition(
            path, input_values=input_values, external_data=external_data, as_float=as_float
        )
    except UsageError:  # onnx does not define one of its operators
        return None
