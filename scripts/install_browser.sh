#!/usr/bin/env bash
# Install Chromium and its driver, which the tests of pages need, with Debian's packages.
#
#     scripts/install_browser.sh
set -euo pipefail

if command -v chromedriver >/dev/null && command -v chromium >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "cannot install them here; install chromium and chromedriver (Debian and Ubuntu:" \
        "'sudo apt-get install chromium chromium-driver')" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core >/dev/null
