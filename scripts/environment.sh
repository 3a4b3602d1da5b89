# To be sourced: makes .venv in the checkout with the tool in it. Needs $root, the checkout.

# The versions that CI and developers have; what a user installs is not bound to them.
pins="$root/.ci/constraints.txt"

# Print a Python that opt runs on, 3.10 to 3.13, or nothing.
find_python() {
    local candidate
    for candidate in python3.{13,12,11,10} python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-3]*/bin/python; do
        if "$candidate" -c 'import sys, venv, ensurepip
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    if command -v uv >/dev/null; then
        uv python find '>=3.10,<3.14' 2>/dev/null || true
    fi
}

# make_development_environment: install the checkout and what its development needs, as pinned.
make_development_environment() {
    make_environment --group dev --constraint "$pins" --build-constraint "$pins"
}

# make_environment [PIP ARGUMENT...]: install the checkout, and what the arguments name besides.
# What was installed from the same files with the same arguments is not installed again.
make_environment() {
    local python stamp
    python="$root/.venv/bin/python"
    if ! "$python" -c '' 2>/dev/null; then
        local base
        base=$(find_python)
        if [ -z "$base" ]; then
            echo "no Python 3.10 to 3.13 with venv was found (looked for: python3.10 to python3.13" \
                "on the path, pyenv's and uv's). Install one, for example with 'apt-get install" \
                "python3 python3-venv' or 'uv python install 3.12', and run this again." >&2
            return 1
        fi
        echo "== making .venv with $base"
        rm -rf "$root/.venv"
        "$base" -m venv "$root/.venv"
    fi
    stamp="$root/.venv/installed-$(cat "$root/pyproject.toml" "$pins" - <<<"$*" | cksum | tr ' ' -)"
    if [ ! -f "$stamp" ]; then
        echo "== installing opt into .venv"
        "$python" -m pip install -qq --upgrade --constraint "$pins" pip
        (cd "$root" && "$python" -m pip install -qq --editable . "$@")
        touch "$stamp"
    fi
}
