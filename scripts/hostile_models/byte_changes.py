"""Changes bytes without knowing what they mean: flips, cuts, repeats, sizes out of range."""

from __future__ import annotations

import random

SIZES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8)
NEAR_THE_START = 4096
"""Headers and topologies stand there; weights, where a flip changes little, stand behind."""


def change(data: bytes, rng: random.Random) -> bytes:
    """Bytes with a few of them changed."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not result:
            break
        _change_once(result, rng)
    return bytes(result)


def _change_once(data: bytearray, rng: random.Random) -> None:
    reach = min(len(data), NEAR_THE_START) if rng.random() < 0.6 else len(data)
    start = rng.randrange(reach)
    length = rng.choice((1, 2, 4, 8, 64, 1024))
    action = rng.randrange(7)
    if action <= 1:
        data[start] ^= 1 << rng.randrange(8)
    elif action == 2:
        data[start] = rng.randrange(256)
    elif action == 3:
        size = rng.choice(SIZES)
        data[start : start + len(size)] = size
    elif action == 4:
        del data[start : rng.choice((len(data), start + length))]
    elif action == 5:
        data[start:start] = data[start : start + length]
    else:
        other = rng.randrange(reach)
        data[start : start + length] = data[other : other + length]
