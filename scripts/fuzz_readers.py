"""Fuzz one of opt's readers: feed it what coverage-guided mutation makes, and keep what breaks it.

    python scripts/fuzz_readers.py READER [--seconds 15] [--corpus DIR] [--faults DIR]

READER is onnx, prototxt, caffemodel, tflite or nb. Atheris (`pip install atheris`, Python 3.11
or newer) drives it, half of its mutations keep to the format's structure. A reader may only
refuse: an exception that is not the user's to mend, a read of more than 10 seconds or more than
a gigabyte of memory is a fault, whose input is kept. The last line tells the numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import pkgutil
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import atheris
from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.text_format import ParseError

with atheris.instrument_imports(include=["opt_tool"]):
    import opt_tool.formats.paddle_lite
    from opt_tool import formats, runtime

    for package in (formats, runtime):  # what a reader would import when an operator needs it, too
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    from hostile_models import seeds
    from hostile_models.mutants import UNWRITABLE, Model, change_structure
    from opt_tool.errors import OptError

READERS = ("onnx", "prototxt", "caffemodel", "tflite", "nb")
SECONDS_FOR_ONE = 10
MEMORY = 1 << 30
LONGEST = 1 << 20
"""Larger inputs are not tried."""


class SlowError(Exception):
    """A read that takes too long."""


@dataclass
class Tally:
    """What happened so far."""

    folder: Path
    executions: int = 0
    read: int = 0
    faults: dict[str, str] = field(default_factory=dict)

    def fault(self, data: bytes, error: BaseException) -> None:
        """Keep an input, the first of its kind."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "opt_tool" in frame.filename] or frames
        place = f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}"
        if place in self.faults:
            return
        self.faults[place] = str(error)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(data).hexdigest()[:16]
        (self.folder / name).write_bytes(data)
        text = "".join(traceback.format_exception(error))
        (self.folder / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"FAULT {place}: {str(error)[:200]}", flush=True)


def main() -> None:
    """Fuzz for a while; the process ends in the target, with whether nothing was found."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="opt-fuzz-") as name:
        folder = Path(name)
        corpus = arguments.corpus or folder / "corpus"
        _fill(arguments.reader, corpus)
        tally = Tally(arguments.faults)
        start = time.monotonic()
        options = [f"-max_len={LONGEST}", "-timeout=120", "-print_final_stats=1"]
        if arguments.seed is not None:
            options.append(f"-seed={arguments.seed}")
        atheris.Setup(
            [sys.argv[0], *options, str(corpus)],
            _target(arguments.reader, folder, tally, start, arguments.seconds),
            custom_mutator=_mutator(arguments.reader),
        )
        limit = _address_space() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        atheris.Fuzz()


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _fill(reader: str, corpus: Path) -> None:
    """Put the seeds that are not too large into the corpus."""
    made: Mapping[str, Callable[[], Any]] = {
        "onnx": seeds.onnx_seeds,
        "prototxt": seeds.caffe_seeds,
        "caffemodel": seeds.caffe_seeds,
        "tflite": seeds.tflite_seeds,
        "nb": seeds.nb_seeds,
    }
    corpus.mkdir(parents=True, exist_ok=True)
    for number, model in enumerate(made[reader]()):
        if len(model.files[reader]) <= LONGEST:
            (corpus / f"seed{number}").write_bytes(model.files[reader])


def _mutator(reader: str) -> Callable[[bytes, int, int], bytes]:
    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            try:
                return change_structure(reader, data, rng)[:max_size]
            except NOT_ITS_FORMAT:  # no longer of the format
                pass
        return bytes(atheris.Mutate(data, max_size))

    return mutate


NOT_ITS_FORMAT: tuple[type[BaseException], ...] = (
    *UNWRITABLE,
    DecodeError,
    EncodeError,
    ParseError,
    IndexError,
    AttributeError,
)
"""What libraries raise for bytes that have no structure to change."""


def _target(
    reader: str, folder: Path, tally: Tally, start: float, seconds: int
) -> Callable[[bytes], None]:
    """What is called with each input."""
    partner = _partner(reader)
    signal.signal(signal.SIGPROF, _too_slow)

    def target(data: bytes) -> None:
        tally.executions += 1
        paths = seeds.write(Model("", {**partner, reader: data}), folder, "input")
        signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)
        try:
            opt_tool.load(*paths)
            tally.read += 1
        except OptError:
            pass
        except BaseException as error:  # whatever it is, it is what is looked for
            tally.fault(data, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        elapsed = time.monotonic() - start
        if elapsed > seconds:
            _tell(reader, tally, elapsed)
            shutil.rmtree(folder)
            os._exit(1 if tally.faults else 0)
        if tally.executions % 1000 == 0:
            _tell(reader, tally, elapsed)

    return target


def _too_slow(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SlowError(f"more than {SECONDS_FOR_ONE} s")


def _tell(reader: str, tally: Tally, seconds: float) -> None:
    print(
        f"{reader}: {tally.executions} executions in {seconds:.0f} s, {tally.read} of them read "
        f"whole, {len(tally.faults)} faults",
        flush=True,
    )


def _partner(reader: str) -> dict[str, bytes]:
    """The other file that a Caffe model has."""
    other = {"prototxt": "caffemodel", "caffemodel": "prototxt"}.get(reader)
    if other is None:
        return {}
    return {other: next(seeds.caffe_seeds()).files[other]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--seed", type=int, help="the same inputs again; default: others each time")
    parser.add_argument("--corpus", type=Path, help="a folder of inputs that grows")
    parser.add_argument("--faults", type=Path, default=Path("fuzzing-faults"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
