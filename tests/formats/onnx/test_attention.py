"""Attention as com.microsoft defines it, against onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from onnx_models import assert_reads, node_model, read_model
from opt_tool.errors import UnsupportedModelError

RNG = np.random.default_rng(0)
MICROSOFT: dict[str, Any] = {"domain": "com.microsoft", "opset": 17}
Operands = dict[str, np.ndarray | None]


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def _mask(*shape: int) -> np.ndarray:
    """Zeros and ones; every row begins with a one."""
    mask = RNG.integers(0, 2, shape).astype(np.int32)
    mask[..., 0] = 1
    return mask


MASKS = {
    "lengths": np.array([5, 3], np.int32),
    "of keys": _mask(2, 5),
    "of pairs": _mask(2, 5, 5),
}


def _attention(**more: np.ndarray) -> Operands:
    """Operands for 2 rows of 5 words, 4 heads of 2 numbers."""
    return {
        "x": random(2, 5, 6),
        "w": random(6, 24),
        "b": random(24),
        "mask": more.get("mask"),
        "past": more.get("past"),
        "bias": more.get("bias"),
    }


def _reads(operator: str, operands: Operands, **options: Any) -> None:
    constants = tuple(name for name in ("w", "b") if operands.get(name) is not None)
    assert_reads(operator, operands, num_heads=4, constants=constants, **options, **MICROSOFT)


@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize("mask", [None, *MASKS.values()], ids=["none", *MASKS])
def test_attention(mask: np.ndarray | None, causal: int) -> None:
    more = {} if mask is None else {"mask": mask}
    _reads("Attention", _attention(**more), unidirectional=causal)


def test_attention_of_any_length() -> None:
    _reads("Attention", _attention(mask=_mask(2, 5)), dynamic=True)


def test_attention_with_a_scale_and_a_bias_of_its_scores() -> None:
    _reads("Attention", _attention(bias=random(2, 4, 5, 5)), scale=0.3)
    _reads("Attention", _attention(mask=_mask(2, 5)), mask_filter_value=-1.5)


def test_attention_with_sizes_of_its_own() -> None:
    operands: Operands = {"x": random(2, 5, 6), "w": random(6, 28), "b": random(28)}
    _reads("Attention", operands, qkv_hidden_sizes=(8, 8, 12))


@pytest.mark.parametrize("causal", [0, 1])
def test_attention_behind_earlier_words(causal: int) -> None:
    operands = _attention(past=random(2, 2, 4, 3, 2))
    _reads("Attention", operands, outputs=("y", "present"), unidirectional=causal)


def _heads(form: str = "apart", **more: np.ndarray) -> Operands:
    """Operands for 2 rows, 5 queries, 7 keys, 4 heads of 2 numbers."""
    forms: Mapping[str, Operands] = {
        "apart": {"q": random(2, 5, 8), "k": random(2, 7, 8), "v": random(2, 7, 8)},
        "by heads": {"q": random(2, 5, 8), "k": random(2, 4, 7, 2), "v": random(2, 4, 7, 2)},
    }
    names = ("b", "mask", "bias", "past_k", "past_v")
    return {**forms[form], **{name: more.get(name) for name in names}}


@pytest.mark.parametrize("form", ["apart", "by heads"])
def test_heads(form: str) -> None:
    _reads("MultiHeadAttention", _heads(form))


def test_heads_with_biases_and_a_mask() -> None:
    operands = _heads(b=random(24), mask=_mask(2, 7), bias=random(1, 4, 5, 7))
    _reads("MultiHeadAttention", operands, scale=0.4)


def test_heads_with_lengths() -> None:
    _reads("MultiHeadAttention", _heads(mask=np.array([7, 4], np.int32)))


@pytest.mark.parametrize("causal", [0, 1])
def test_heads_behind_earlier_words(causal: int) -> None:
    operands = _heads(past_k=random(2, 4, 3, 2), past_v=random(2, 4, 3, 2))
    operands |= {"k": random(2, 5, 8), "v": random(2, 5, 8)}
    _reads(
        "MultiHeadAttention",
        operands,
        outputs=("y", "keys", "values"),
        unidirectional=causal,
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"do_rotary": 1}, "rotary"),
        ({"num_heads": 5}, "does not divide into 5 heads"),
        ({"unidirectional": 1, "dynamic": True}, "a causal mask of a length known only at run"),
    ],
    ids=str,
)
def test_refusals(options: Mapping[str, Any], reason: str) -> None:
    model = node_model(
        "Attention",
        _attention(),
        **{"num_heads": 4, "constants": ("w", "b"), **MICROSOFT, **options},
    )
    with pytest.raises(UnsupportedModelError, match=reason):
        read_model(model)


def test_packed_keys_and_values_are_refused() -> None:
    packed = {"q": random(2, 5, 4, 3, 2)}
    model = node_model("MultiHeadAttention", packed, num_heads=4, **MICROSOFT)
    with pytest.raises(UnsupportedModelError, match="packed"):
        read_model(model)


def test_a_mask_of_two_ends_is_refused() -> None:
    ends = np.array([5, 3, 0, 1], np.int32)
    model = node_model("Attention", _attention(mask=ends), num_heads=4, **MICROSOFT)
    with pytest.raises(UnsupportedModelError, match="lengths for each"):
        read_model(model)


@pytest.mark.parametrize("given", [(), ("segments",), ("segments", "mask", "places")], ids=str)
def test_embedding(given: tuple[str, ...]) -> None:
    operands: Operands = {
        "words": RNG.integers(0, 9, (2, 5)).astype(np.int32),
        "segments": RNG.integers(0, 2, (2, 5)).astype(np.int32) if "segments" in given else None,
        "word_table": random(9, 8),
        "place_table": random(6, 8),
        "segment_table": random(2, 8) if "segments" in given else None,
        "gamma": random(8),
        "beta": random(8),
        "mask": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32) if given[1:] else None,
        "places": RNG.integers(0, 6, (2, 5)).astype(np.int32) if given[1:] else None,
    }
    tables = ("word_table", "place_table", "gamma", "beta")
    assert_reads(
        "EmbedLayerNormalization",
        operands,
        outputs=("y", "mask_index", "sum"),
        constants=tables + (("segment_table",) if given else ()),
        **MICROSOFT,
    )
