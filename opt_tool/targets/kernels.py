"""The kernels that each Paddle Lite version has for ARM, x86 and the host.

``kernels.json`` has one kernel a line, made from the sources of the released versions by
``scripts/update_paddle_lite_tables.py``. The runtime chooses nothing: a file names the
kernel of every operator, and a name that the runtime does not have ends its process.
Kernels that compute in int8 or fp16 are left out.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from opt_tool.targets.operators import Library, operator_spec
from opt_tool.targets.places import Layout, Place, PlaceTarget, Precision
from opt_tool.targets.versions import LiteVersion, Target

Row: TypeAlias = tuple[str, str, str, str, str, str, str, str, Mapping[str, str], Mapping[str, str]]

FIRST_CHOICE = "def"  # the alias of the kernel for the usual dtypes


class KernelAttribute(NamedTuple):
    """The name of a kernel as the file has it, in ``__@kernel_type_attr@__``."""

    op_type: str
    alias: str
    place: Place

    def __str__(self) -> str:
        return f"{self.op_type}/{self.alias}/{self.place}"


@dataclass(frozen=True)
class Kernel:
    """One kernel of the runtime.

    Attributes:
        inputs: The dtype of each input slot that the kernel declares, in NumPy's names or
            ``any``; a list of tensors (``LOD_TENSOR_ARRAY``) ends in ``[]``.
        outputs: The same of each output slot.
        since: The first version of the unbroken range of versions that have the kernel.
        until: The last one.
    """

    op_type: str
    alias: str
    place: Place
    library: Library
    inputs: Mapping[str, str] = field(hash=False)
    outputs: Mapping[str, str] = field(hash=False)
    since: LiteVersion
    until: LiteVersion

    @classmethod
    def of(cls, row: Row) -> Kernel:
        """The kernel that a line of ``kernels.json`` tells of."""
        op_type, alias, target, precision, layout, library, since, until, inputs, outputs = row
        place = Place(
            PlaceTarget[target.upper()], Precision[precision.upper()], Layout[layout.upper()]
        )
        versions = LiteVersion(since), LiteVersion(until)
        return cls(op_type, alias, place, Library(library), inputs, outputs, *versions)

    @property
    def attribute(self) -> str:
        """The kernel's name in the file, such as ``conv2d/def/4/1/1``."""
        return str(KernelAttribute(self.op_type, self.alias, self.place))


@functools.cache
def kernels_for(
    op_type: str,
    target: Target,
    version: LiteVersion,
    library: Library = Library.WITH_EXTRA,
) -> tuple[Kernel, ...]:
    """The kernels that can run an operator: the target's own first, then the host's.

    Of each, the one with the alias ``def`` comes first. Empty when there is none in that
    build of the runtime.
    """
    order = (PlaceTarget[target.name], PlaceTarget.HOST)
    found = [
        kernel
        for kernel in _kernels(op_type)
        if kernel.place.target in order
        and kernel.since <= version <= kernel.until
        and library in (Library.WITH_EXTRA, library_of(kernel))
    ]
    return tuple(
        sorted(found, key=lambda k: (order.index(k.place.target), k.alias != FIRST_CHOICE))
    )


def library_of(kernel: Kernel) -> Library:
    """The smaller build of the runtime that has both a kernel and its operator."""
    builds = (kernel.library, operator_spec(kernel.op_type).library)
    return Library.WITH_EXTRA if Library.WITH_EXTRA in builds else Library.BASIC


def parse_kernel_attribute(text: str) -> KernelAttribute:
    """The parts of a kernel's name in a file.

    Raises:
        ValueError: The text is not ``op_type/alias/target/precision/layout`` with numbers
            that Paddle Lite knows.
    """
    parts = text.split("/")
    if len(parts) != 5:
        raise ValueError(f"{text!r} is not op_type/alias/target/precision/layout")
    op_type, alias, *numbers = parts
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise ValueError(f"{text!r} has a place that is not three numbers")
    target, precision, layout = (int(number) for number in numbers)
    place = Place(PlaceTarget(target), Precision(precision), Layout(layout))
    return KernelAttribute(op_type, alias, place)


@functools.cache
def _kernels(op_type: str) -> tuple[Kernel, ...]:
    """Every kernel of an operator, of all targets and versions."""
    return tuple(Kernel.of(row) for row in _rows().get(op_type, ()))


@functools.cache
def _rows() -> Mapping[str, Sequence[Row]]:
    text = Path(__file__).with_name("kernels.json").read_text("utf-8")
    rows: dict[str, list[Row]] = {}
    for row in json.loads(text):
        rows.setdefault(row[0], []).append(row)
    return rows
