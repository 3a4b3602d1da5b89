"""Maps of numbers, and bytes that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flatbuffers import flexbuffers

from detection_models import USUAL, options_of
from opt_tool.errors import DamagedFileError
from opt_tool.formats.flexbuffer import Number, numbers_of_map


def numbers(data: bytes) -> dict[str, Number]:
    return numbers_of_map(data, lambda problem: DamagedFileError(Path("m.tflite"), problem))


@pytest.mark.parametrize("large", [1, 1 << 9, 1 << 17, 1 << 40])
def test_reads_numbers_of_every_width(large: int) -> None:
    given = {**USUAL, "large": large, "below": -large, "real": 1.5 / large}
    assert numbers(options_of(given)) == given


def test_reads_numbers_that_lie_elsewhere_and_leaves_out_what_is_none() -> None:
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.IndirectInt("a", -7)
        builder.IndirectUInt("b", 1 << 33)
        builder.IndirectFloat("c", 0.1)
        builder.UInt("d", 200)
        builder.String("e", "text")
        builder.Null("f")
        builder.TypedVectorFromElements("g", [1, 2])
    assert numbers(bytes(builder.Finish())) == {"a": -7, "b": 1 << 33, "c": 0.1, "d": 200}


def test_what_is_no_map_is_refused() -> None:
    builder = flexbuffers.Builder()
    builder.Int(3)
    for data in (bytes(builder.Finish()), b"", b"\0", b"\1\2\3"):
        with pytest.raises(DamagedFileError):
            numbers(data)


def test_any_bytes_are_read_or_refused() -> None:
    data = options_of(USUAL)
    rng = np.random.default_rng(0)
    outcomes = set()
    for cut in range(len(data)):
        outcomes.add(_outcome(data[:cut]))
    for position in range(len(data)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))):
            outcomes.add(_outcome(data[:position] + bytes([value]) + data[position + 1 :]))
    assert outcomes == {"read", "refused"}


def _outcome(data: bytes) -> str:
    try:
        numbers(data)
    except DamagedFileError:
        return "refused"
    return "read"
