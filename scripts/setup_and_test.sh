#!/usr/bin/env bash
# Set everything up and run all checks and tests.
#
#     scripts/setup_and_test.sh
#
# Makes .venv with the tool and what its development needs, fetches the real models (about 250 MB),
# the ONNX test cases and the official runtimes into .cache, and runs scripts/check. What cannot be
# had on this machine is said, and the tests that need it are skipped; in CI they fail.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"

cd "$root"
make_development_environment
python=.venv/bin/python
without() {
    echo "== going on without $1; the tests that need it will say so" >&2
}

echo "== fetching real models"
"$python" scripts/fetch_models.py >/dev/null || without "some models"
echo "== making ImageNet models"
"$python" scripts/make_imagenet_models.py resnet50 squeezenet shufflenet --out .cache/made-models
echo "== fetching ONNX test cases"
"$python" scripts/fetch_node_tests.py || without "the ONNX test cases"
for version in 2.13 2.12 2.10; do
    echo "== installing the official runtime $version"
    "$python" scripts/install_official_runtime.py --version "$version" ||
        without "the official runtime $version"
done
echo "== installing the references for Caffe"
"$python" scripts/install_caffe_references.py || without "real Caffe and OpenCV"
echo "== installing Chromium for the tests of pages"
scripts/install_browser.sh || without "Chromium"
exec scripts/check
