#!/usr/bin/env bash
# Write .ci/constraints.txt: the versions of everything that development and CI install.
#
#     scripts/pin_dependencies.sh [--upgrade]
#
# One file holds them for Python 3.10 to 3.13 on every system. Without --upgrade a version is kept
# where pyproject.toml still allows it. Needs uv (`pip install uv`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --group dev "$@" \
    --output-file .ci/constraints.txt pyproject.toml - <<<"pip>=25.3" >/dev/null
