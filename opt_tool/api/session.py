"""Runs a model from Python, whichever format it has and whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from opt_tool.api.runners import BACKENDS
from opt_tool.errors import UsageError
from opt_tool.ir import TensorType
from opt_tool.runtime.binding import POLICIES, Settings

EXACT_CASTS = frozenset({("float64", "float32"), ("int64", "int32"), ("int32", "int64")})
"""Conversions that are made where nothing but precision is lost."""


class Session:
    """A model, loaded once and run as often as wanted.

    Args:
        path: A model of any format that opt reads.
        weights: The second file of a Caffe model.
        backend: ``numpy`` (any format), ``onnxruntime`` (ONNX models), ``opencv`` (Caffe
            models), ``litert`` (TFLite models) or ``paddlelite`` (the official runtime, for
            .nb files made for x86).
        threads: How many threads to use.
        conv_algorithm: How the NumPy runtime computes convolutions, where it can; by default
            ``conv_policy`` decides for each.
        conv_policy: ``cost`` (what is estimated to be fastest) or ``paddle-lite`` (its rule).
    """

    def __init__(
        self,
        path: str | Path,
        weights: str | Path | None = None,
        *,
        backend: str = "numpy",
        threads: int = 1,
        conv_algorithm: str | None = None,
        conv_policy: str = POLICIES[0],
    ) -> None:
        if backend not in BACKENDS:
            raise UsageError(f"no backend is called {backend!r}; there are {', '.join(BACKENDS)}")
        settings = Settings(threads=threads, conv_algorithm=conv_algorithm, conv_policy=conv_policy)
        self.backend = backend
        files = tuple(Path(file) for file in (path, weights) if file is not None)
        self._runner = BACKENDS[backend](files, settings, {})

    @property
    def inputs(self) -> Mapping[str, TensorType]:
        """The type of each input by name, in the model's order."""
        return self._runner.inputs

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name, in the model's order.

        Raises:
            UsageError: when an input is missing, unknown, or of another shape or dtype.
        """
        return self._runner.run(
            {name: self._cast(name, np.asarray(array)) for name, array in feeds.items()}
        )

    def _cast(self, name: str, array: np.ndarray) -> np.ndarray:
        """The array in the input's dtype where only precision can be lost."""
        if name not in self.inputs:
            raise UsageError(f"no input is called {name!r}; there are {sorted(self.inputs)}")
        wanted = self.inputs[name].dtype.numpy
        if (array.dtype.name, wanted.name) not in EXACT_CASTS:
            return array
        cast = array.astype(wanted)
        if array.dtype.kind == "i" and not np.array_equal(cast, array):
            raise UsageError(f"input {name!r} holds numbers that {wanted} does not have")
        return cast
