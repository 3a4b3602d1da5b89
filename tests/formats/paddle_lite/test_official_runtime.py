"""The real runtime is the judge of the bytes, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nb_files import convolution_file
from opt_tool.api import official_runtime
from opt_tool.formats.paddle_lite.encode import encode


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolution with stride 1 and padding 1, by its definition."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))
    return np.einsum("nchwrs,ocrs->nohw", windows, weight) + bias[:, None, None]


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=pytest.mark.official(version))
        for version in ("2.13", "2.12", "2.10")
    ],
)
def test_official_runtime_computes_what_the_file_says(tmp_path: Path, version: str) -> None:
    file, weights = convolution_file()
    path = tmp_path / "model.nb"
    path.write_bytes(encode(file._replace(version=f"v{version}")))
    x = np.random.default_rng(1).standard_normal((1, 3, 8, 8), np.float32)
    ((relu, y, z, joined),) = official_runtime.run(path, [[x]], version)

    restored = weights["quantized"] * np.array([0.5, 0.25, 0.125, 1, 2], "f4").reshape(5, 1, 1, 1)
    expected_relu = np.maximum(x, 0)
    expected_y = convolve(expected_relu, weights["weight"], weights["bias"])
    expected_z = convolve(expected_relu, restored, weights["bias"])
    constant = weights["a constant with a long name"]
    np.testing.assert_array_equal(relu, expected_relu)
    np.testing.assert_allclose(y, expected_y, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(z, expected_z, rtol=1e-5, atol=1e-2)  # sums of about 1000
    np.testing.assert_array_equal(joined, np.concatenate([y, z, constant], axis=1))
