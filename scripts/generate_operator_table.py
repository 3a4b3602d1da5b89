"""Write docs/operators.md: what opt reads and what it writes, from its own registries.

Usage: .venv/bin/python scripts/generate_operator_table.py
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from opt_tool.api.operator_listing import FRAMEWORKS, SupportedOperators, supported_operators

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operators.md"
TARGETS = ("arm", "x86")
HEAD = """\
# Supported operators

This page is made from opt's own tables by `scripts/generate_operator_table.py`; a test holds it in
step. `opt list-ops --supported` prints the same, `opt list-ops MODEL` says what one model needs,
which kernels run it and what is missing. [Limits of the targets](target-limits.md) says what
kernels cannot do although they are there.
"""


def page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *_sources(), *_targets()])


def _sources() -> Iterator[str]:
    """What is read of each framework."""
    for framework in FRAMEWORKS:
        listing = supported_operators(framework=framework)
        yield f"## Read from {framework}\n"
        yield f"{len(listing.operators)} operators.\n"
        domains: dict[str, list[str]] = {}
        for row in listing.operators:
            domains.setdefault(row.domain, []).append(f"`{row.op}`")
        for domain, names in domains.items():
            if domain:
                yield f"Of the domain `{domain}`:\n"
            yield ", ".join(names) + "\n"


def _targets() -> Iterator[str]:
    """What is written for each target."""
    yield "## Written for Paddle Lite\n"
    listings = {target: supported_operators(target=target) for target in TARGETS}
    (version,) = {listing.lite_version for listing in listings.values()}
    yield (
        f"Kernels of Paddle Lite {version}; those marked + are only in libraries that are built "
        "`with_extra`.\n"
    )
    yield "| operator | ARM | x86 |"
    yield "|---|---|---|"
    cells = {target: _kernels(listing) for target, listing in listings.items()}
    for op in sorted(set().union(*cells.values())):
        yield f"| `{op}` | " + " | ".join(_cell(cells[t].get(op, ())) for t in TARGETS) + " |"
    yield ""


def _kernels(listing: SupportedOperators) -> dict[str, list[str]]:
    kernels: dict[str, list[str]] = {}
    for row in listing.kernels:
        mark = "+" if row.library == "with_extra" else ""
        kernels.setdefault(row.op, []).append(row.kernel.removeprefix(f"{row.op}/") + mark)
    return kernels


def _cell(kernels: Iterable[str]) -> str:
    return ", ".join(kernels) or "–"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
