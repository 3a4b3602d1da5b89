"""Make opt_tool/targets/*.json from Paddle Lite's own sources.

    python scripts/update_paddle_lite_tables.py PADDLE_LITE_GIT

PADDLE_LITE_GIT is a clone of Paddle Lite (bare or not) that has the release tags named in
``paddle_lite_tables/sources.py``. Only facts are taken: names, types and versions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from paddle_lite_tables.corrections import correct
from paddle_lite_tables.kernels import RegisteredKernel, registered_kernels, version_ranges
from paddle_lite_tables.operators import Operator, merged, registered_operators
from paddle_lite_tables.sources import TAGS, read_sources

TARGETS = Path(__file__).parents[1] / "opt_tool" / "targets"


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("git", type=Path, metavar="PADDLE_LITE_GIT")
    parser.add_argument("--output-dir", type=Path, default=TARGETS)
    arguments = parser.parse_args()

    operators: dict[str, dict[str, Operator]] = {}
    kernels: dict[str, set[RegisteredKernel]] = {}
    for version in TAGS:
        sources = read_sources(arguments.git, version)
        operators[version] = registered_operators(sources)
        libraries = {name: op.library for name, op in operators[version].items()}
        kernels[version] = registered_kernels(sources, libraries)

    every = merged(operators)
    correct(every)
    ranges = version_ranges(kernels)
    used = {kernel.op_type for kernel, _, _ in ranges}
    kernel_rows = [json.dumps(_kernel_row(*row)) for row in ranges]
    _write(arguments.output_dir / "kernels.json", "[]", kernel_rows)
    operator_rows = [f"{json.dumps(name)}: {_operator_row(every[name])}" for name in sorted(used)]
    _write(arguments.output_dir / "operators.json", "{}", operator_rows)


def _write(path: Path, brackets: str, rows: Iterable[str]) -> None:
    path.write_text(f"{brackets[0]}\n" + ",\n".join(rows) + f"\n{brackets[1]}\n")


def _kernel_row(kernel: RegisteredKernel, since: str, until: str) -> list[object]:
    place = [
        name.removeprefix("k").lower() for name in (kernel.target, kernel.precision, kernel.layout)
    ]
    slots = [dict(kernel.inputs), dict(kernel.outputs)]
    return [kernel.op_type, kernel.alias, *place, kernel.library, since, until, *slots]


def _operator_row(operator: Operator) -> str:
    attributes = {
        _marked(name, required): _attribute(wire_type, operator.since.get(name))
        for name, (wire_type, required) in sorted(operator.attributes.items())
    }
    return json.dumps(
        {
            "inputs": _slots(operator.inputs),
            "outputs": _slots(operator.outputs),
            "attributes": attributes,
            "library": operator.library,
        }
    )


def _slots(slots: Mapping[str, bool]) -> list[str]:
    return [_marked(name, required) for name, required in slots.items()]


def _marked(name: str, required: bool) -> str:
    return name if required else f"{name}?"


def _attribute(wire_type: str, since: str | None) -> str:
    return wire_type if since is None else f"{wire_type} since {since}"


if __name__ == "__main__":
    main()
