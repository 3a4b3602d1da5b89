"""Sampling of planes at computed positions."""

from __future__ import annotations

import numpy as np


def grid_sample(
    x: np.ndarray, grid: np.ndarray, *, mode: str, padding_mode: str, align_corners: bool
) -> np.ndarray:
    """Sample x (N, C, H, W) at grid (N, P, Q, 2), positions from -1 to 1, as (N, C, P, Q)."""
    columns, rows = (
        _reflected(
            _unnormalized(grid[..., axis], size, align_corners=align_corners),
            size,
            padding_mode=padding_mode,
            align_corners=align_corners,
        )
        for axis, size in ((0, x.shape[3]), (1, x.shape[2]))
    )
    if mode == "nearest":
        return _elements(x, _round(rows), _round(columns))
    return interpolated(x, rows, columns)


def interpolated(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """X (N, C, H, W) between its elements, at rows and columns (N, P, Q); 0 outside."""
    top, left = np.floor(rows), np.floor(columns)
    down, right = (rows - top)[:, np.newaxis], (columns - left)[:, np.newaxis]
    top, left = top.astype(np.int64), left.astype(np.int64)
    above = _elements(x, top, left) * (1 - right) + _elements(x, top, left + 1) * right
    below = _elements(x, top + 1, left) * (1 - right) + _elements(x, top + 1, left + 1) * right
    return above * (1 - down) + below * down


def _unnormalized(position: np.ndarray, size: int, *, align_corners: bool) -> np.ndarray:
    """From -1 ... 1 to elements."""
    if align_corners:
        return (position + 1) * position.dtype.type((size - 1) * 0.5)
    return (position + 1) * position.dtype.type(size * 0.5) - position.dtype.type(0.5)


def _reflected(
    position: np.ndarray, size: int, *, padding_mode: str, align_corners: bool
) -> np.ndarray:
    """Positions outside of the plane brought into it, where the mode says so."""
    if padding_mode == "reflection":
        edge = 0.0 if align_corners else 0.5
        span = 2 * (size - 1 + 2 * edge)
        extra = np.fmod(np.abs(position + edge), span) if span else np.zeros_like(position)
        position = (np.minimum(extra, span - extra) - edge).astype(position.dtype)
    if padding_mode in ("border", "reflection"):
        return np.clip(position, 0, size - 1)
    return position


def _round(position: np.ndarray) -> np.ndarray:
    """To the nearest integer, halves away from 0."""
    return (np.sign(position) * np.floor(np.abs(position) + 0.5)).astype(np.int64)


def _elements(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The elements of x (N, C, H, W) at rows and columns (N, P, Q); 0 outside."""
    height, width = x.shape[2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    images = np.arange(x.shape[0])[:, np.newaxis, np.newaxis]
    found = x[images, :, np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return np.where(inside[:, np.newaxis], np.moveaxis(found, -1, 1), x.dtype.type(0))


def roi_align(
    x: np.ndarray,
    rois: np.ndarray,
    images: np.ndarray,
    *,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> np.ndarray:
    """Pool regions rois (R, 4) of x (N, C, H, W) to (R, C, pooled_height, pooled_width).

    He et al., Mask R-CNN, 2017. Region i lies in image ``images[i]``.
    """
    y = np.zeros((len(rois), x.shape[1], pooled_height, pooled_width), x.dtype)
    number = x.dtype.type
    corners = rois * number(spatial_scale) - number(0.5 if aligned else 0)
    for index, (left, top, right, bottom) in enumerate(corners):
        height, width = bottom - top, right - left
        if not aligned:
            height, width = max(height, number(1)), max(width, number(1))
        rows, row_count = _samples(top, height / pooled_height, pooled_height, sampling_ratio)
        columns, column_count = _samples(left, width / pooled_width, pooled_width, sampling_ratio)
        if row_count * column_count == 0:
            continue
        weights = _bilinear(rows, x.shape[2]), _bilinear(columns, x.shape[3])
        samples = np.einsum("rh,chw,sw->crs", weights[0], x[images[index]], weights[1])
        cells = samples.reshape(-1, pooled_height, row_count, pooled_width, column_count)
        y[index] = cells.mean(axis=(2, 4))
    return y


def _samples(
    start: np.floating, cell: np.floating, cells: int, sampling_ratio: int
) -> tuple[np.ndarray, int]:
    """The positions of all samples on an axis, and how many of them each cell has."""
    count = sampling_ratio if sampling_ratio > 0 else max(int(np.ceil(cell)), 0)
    within = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * cell / max(count, 1)
    return (
        start + np.arange(cells, dtype=np.float32)[:, np.newaxis] * cell + within
    ).ravel(), count


def _bilinear(positions: np.ndarray, size: int) -> np.ndarray:
    """The weights (samples, size) of the elements around each position; 0 far outside."""
    inside = (positions >= -1) & (positions <= size)
    clipped = np.clip(positions, 0, size - 1)
    low = np.floor(clipped).astype(np.int64)
    share = clipped - low
    matrix = np.zeros((len(positions), size), np.float32)
    samples = np.arange(len(positions))
    np.add.at(matrix, (samples, low), (1 - share) * inside)
    np.add.at(matrix, (samples, np.minimum(low + 1, size - 1)), share * inside)
    return matrix
