#!/usr/bin/env bash
# Build the wheel and its bill of materials into dist.
#
#     scripts/build_wheel.sh [FOLDER]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"

out=${1:-$root/dist}
python=$root/.venv/bin/python
[ -x "$python" ] || make_development_environment
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 315532800)}
export SOURCE_DATE_EPOCH
mkdir -p "$out"
"$python" -m pip wheel -qq --no-deps --build-constraint "$pins" --wheel-dir "$out" "$root"
for wheel in "$out"/opt_tool-*.whl; do
    "$python" "$root/scripts/write_sbom.py" "$wheel"
done
