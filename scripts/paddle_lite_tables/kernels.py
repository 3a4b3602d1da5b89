"""The kernels that a version registers, with the versions in which each is the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .sources import (
    BASIC_MACROS,
    EXTRA_MACROS,
    KERNEL_FOLDERS,
    Sources,
    balanced,
    source_files,
    split_arguments,
)

LEFT_OUT_PRECISIONS = frozenset({"kFP16", "kInt8"})  # what opt writes computes in float
DTYPES: Mapping[str, str] = {
    "kFloat": "float32",
    "kInt8": "int8",
    "kInt32": "int32",
    "kAny": "any",
    "kFP16": "float16",
    "kBool": "bool",
    "kInt64": "int64",
    "kInt16": "int16",
    "kUInt8": "uint8",
    "kFP64": "float64",
}
BINDING = re.compile(
    r"\.\s*Bind(?P<side>Input|Output)\(\s*\"(?P<slot>\w+)\"\s*,\s*\{(?P<type>[^}]*)\}", re.DOTALL
)


@dataclass(frozen=True, order=True)
class RegisteredKernel:
    """One registration: its name's parts, the dtype of each slot and the library."""

    op_type: str
    target: str
    precision: str
    layout: str
    alias: str
    library: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


def registered_kernels(
    sources: Sources, operator_libraries: Mapping[str, str]
) -> set[RegisteredKernel]:
    """All float and integer kernels of one version that an inference library holds."""
    kernels = set()
    for folder in KERNEL_FOLDERS:
        levels = sources.levels(folder)
        for path in source_files(sources.files, folder):
            level = levels.get(path)
            if level not in {"basic", "extra"}:  # not built, or for training
                continue
            basic = set(_registrations(sources.text(path, BASIC_MACROS)))
            for text in _registrations(sources.text(path, EXTRA_MACROS)):
                op_type = split_arguments(text.partition(")")[0])[0]
                if op_type not in operator_libraries:  # nothing can use the kernel
                    continue
                extra = level == "extra" or text not in basic
                extra = extra or operator_libraries[op_type] == "with_extra"
                kernel = _parse(text, "with_extra" if extra else "basic")
                if kernel.precision not in LEFT_OUT_PRECISIONS:
                    kernels.add(kernel)
    return kernels


def _registrations(code: str) -> Iterable[str]:
    """The text of each registration from its first argument on."""
    for match in re.finditer(r"\bREGISTER_LITE_KERNEL\s*\(", code):
        yield code[match.end() : code.index("Finalize", match.end())]


def _parse(text: str, library: str) -> RegisteredKernel:
    end = balanced("(" + text, 0) - 2
    op_type, target, precision, layout, _, alias = split_arguments(text[:end])
    slots: dict[str, list[tuple[str, str]]] = {"Input": [], "Output": []}
    for binding in BINDING.finditer(text, end):
        row = (binding["slot"], _slot_dtype(binding["type"]))
        if row not in slots[binding["side"]]:
            slots[binding["side"]].append(row)
    return RegisteredKernel(
        op_type,
        target,
        precision,
        layout,
        alias,
        library,
        tuple(sorted(slots["Input"])),
        tuple(sorted(slots["Output"])),
    )


def _slot_dtype(type_text: str) -> str:
    """A slot's dtype; a list of tensors ends in ``[]``."""
    precision = re.search(r"PRECISION\((\w+)\)", type_text)
    dtype = DTYPES[precision[1] if precision is not None else "kFloat"]
    return dtype + ("[]" if "TensorListTy" in type_text else "")


def version_ranges(
    kernels: Mapping[str, set[RegisteredKernel]],
) -> list[tuple[RegisteredKernel, str, str]]:
    """Each kernel with the first and last version of every unbroken range that has it.

    Args:
        kernels: The kernels of each version, oldest version first.
    """
    versions = list(kernels)
    rows = []
    for kernel in sorted(set().union(*kernels.values())):
        present = [kernel in kernels[version] for version in versions]
        rows += [(kernel, versions[a], versions[b]) for a, b in _runs(present)]
    return rows


def _runs(present: Sequence[bool]) -> Iterable[tuple[int, int]]:
    start = None
    for index, now in enumerate([*present, False]):
        if now and start is None:
            start = index
        elif not now and start is not None:
            yield start, index - 1
            start = None
