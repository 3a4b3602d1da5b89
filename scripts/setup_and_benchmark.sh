#!/usr/bin/env bash
# Measure opt beside the tools that a user would pick instead, and write docs/benchmarks.md.
#
#     scripts/setup_and_benchmark.sh [--keep] [--models NAME...] [--page-only]
#
# Makes .venv with the tool and what its development needs, fetches the models (about 250 MB), makes
# an environment for each tool in .cache/benchmark (about 3 GB) and measures; all of it takes less
# than an hour on two cores. The official route needs Python 3.10, the others 3.10 to 3.13.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"

cd "$root"
make_development_environment
python=.venv/bin/python
echo "== fetching models"
"$python" scripts/fetch_models.py >/dev/null
"$python" scripts/make_imagenet_models.py resnet50 squeezenet shufflenet --out .cache/made-models
PYTHONPATH=scripts exec "$python" -m benchmark "$@"
