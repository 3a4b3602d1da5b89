"""What activations take in a run of a .nb file, by the shapes that the official runtime gives them.

The runtime is asked for every tensor of the program: a copy of the file gives each result a
variable of its own and hands all of them out. So this needs to know no operator, and no size
is open.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opt_tool.api import official_runtime
from opt_tool.formats.paddle_lite.decode import read_file
from opt_tool.formats.paddle_lite.encode import encode
from opt_tool.formats.paddle_lite.schema import File, OpDesc
from opt_tool.formats.paddle_lite.write import FEED, FETCH

COLUMN = "col"
"""The attribute of feed and fetch that is the place of an input or output."""


NEVER_MADE = frozenset(("MeanOut", "SavedMean", "SavedVariance", "VarianceOut", "XShape"))
"""Slots of operators as they were trained, which nothing fills in a run."""


@dataclass(frozen=True)
class Activations:
    """Bytes that activations take.

    Attributes:
        live: The most that is needed at once.
        variables: What the file's variables hold together, each as much as the largest
            tensor that is ever in it; the runtime keeps that.
    """

    live: int
    variables: int


@dataclass(frozen=True)
class Shown:
    """A file that hands out every tensor.

    Attributes:
        file: The file, in which each result has a variable of its own.
        variables: The variable that each tensor had, in the order in which they come out.
        outputs: The tensors that the file handed out before.
    """

    file: File
    variables: Mapping[str, str]
    outputs: frozenset[str]


def measure(nb: Path, inputs: Mapping[str, np.ndarray], python: Path | None = None) -> Activations:
    """Run a file made for x86 once.

    Args:
        nb: The file.
        inputs: The arrays by input name, or in the file's order where it has other names.
        python: The interpreter that has the official runtime, instead of that of the tests.
    """
    shown = with_all_shown(read_file(nb))
    with tempfile.TemporaryDirectory(prefix="opt-") as folder:
        copy = Path(folder) / "shown.nb"
        copy.write_bytes(encode(shown.file))
        (results,) = official_runtime.run(copy, [_fed(shown.file, inputs)], python=python)
    sizes = {name: array.nbytes for name, array in zip(shown.variables, results, strict=True)}
    return Activations(live_bytes(shown, sizes), variable_bytes(shown, sizes))


def _fed(file: File, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The arrays in the file's order."""
    feeds = (op for op in file.program.blocks[0].operators if op.type == FEED)
    places = {name: op.attributes[COLUMN].value for op in feeds for name in _names(op.outputs)}
    if set(places) <= set(inputs):
        return [inputs[name] for name in sorted(places, key=places.__getitem__)]
    return list(inputs.values())


def with_all_shown(file: File) -> Shown:
    """The file with a variable for each result, all of which are its outputs."""
    (block,) = file.program.blocks
    weights = {parameter.name for parameter in file.parameters}
    names: dict[str, str] = {}
    copies: dict[str, str] = {}
    variables: dict[str, str] = {}
    operators = []
    for position, op in enumerate(block.operators):
        inputs = _renamed(op.inputs, names)
        if op.type == FETCH:
            continue
        if op.type != FEED:
            made = [name for name in _names(op.outputs) if name not in weights]
            names.update({name: f"{name}@{position}" for name in made})
            copies.update({names[name]: name for name in made})
        variables.update({names.get(name, name): name for name in _made(op)})
        outputs = _renamed(op.outputs, names)
        operators.append(op._replace(inputs=inputs, outputs=outputs))
    fetches = [op for op in block.operators if op.type == FETCH]
    fetched = frozenset(names.get(name, name) for op in fetches for name in _names(op.inputs))
    operators += [_fetch(fetches[0], name, column) for column, name in enumerate(variables)]
    by_name = {variable.name: variable for variable in block.variables}
    by_name.update({new: by_name[old]._replace(name=new) for new, old in copies.items()})
    apart = block._replace(variables=tuple(by_name.values()), operators=tuple(operators))
    program = dataclasses.replace(file.program, blocks=(apart,))
    return Shown(file._replace(program=program), variables, fetched)


def _names(slots: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for names in slots.values():
        yield from names


def _made(op: OpDesc) -> Iterator[str]:
    return _names({slot: names for slot, names in op.outputs.items() if slot not in NEVER_MADE})


def _renamed(
    slots: Mapping[str, tuple[str, ...]], names: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    return {slot: tuple(names.get(name, name) for name in given) for slot, given in slots.items()}


def _fetch(fetch: OpDesc, name: str, column: int) -> OpDesc:
    place = dataclasses.replace(fetch.attributes[COLUMN], value=column)
    attributes = {**fetch.attributes, COLUMN: place}
    return fetch._replace(inputs={"X": (name,)}, attributes=attributes)


def live_bytes(shown: Shown, sizes: Mapping[str, int]) -> int:
    """The most bytes that are needed at once.

    Inputs live from the start, outputs to the end, everything else from what makes it to
    what reads it last.
    """
    operators = [
        op for op in shown.file.program.blocks[0].operators if op.type not in (FEED, FETCH)
    ]
    last = dict.fromkeys(sizes, -1)
    for position, op in enumerate(operators):
        used = (*_names(op.inputs), *_names(op.outputs))
        last.update({name: position for name in used if name in sizes})
    last.update(dict.fromkeys(shown.outputs, len(operators)))
    made = [set(_made(op)) for op in operators]
    live = set(sizes).difference(*made)
    peak = sum(sizes[name] for name in live)
    for position, results in enumerate(made):
        live |= results
        peak = max(peak, sum(sizes[name] for name in live))
        live = {name for name in live if last[name] > position}
    return peak


def variable_bytes(shown: Shown, sizes: Mapping[str, int]) -> int:
    """What the file's variables hold, each as much as the largest tensor that it ever has."""
    largest: dict[str, int] = {}
    for name, variable in shown.variables.items():
        largest[variable] = max(largest.get(variable, 0), sizes[name])
    return sum(largest.values())
