#!/usr/bin/env bash
# Checks the program on a CUDA device, in less than 8 minutes, and writes one file: scripts/gpu_check.sh [FILE.json]
#
# It needs no network: a torch that knows the device, and the other packages installed or as wheels in the folder
# `wheels` of the checkout. Where anything is missing it says what, and begins nothing. On a machine with a network,
#   scripts/gpu_check.sh wheels VERSION [PACKAGE ...]     fetches the locked wheels for another machine's Python
# VERSION (3.12): of all packages that the check needs beside torch, or of those named, and of what they need.
# PYTHON=/path/to/python3 names the Python to use.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
fail() { printf 'gpu_check: %s\n' "$1" >&2; exit 2; }

python=${PYTHON:-$checkout/.venv/bin/python}
[ -x "$python" ] || python=$(command -v python3) || fail "no Python here; name one with PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is older than Python 3.11; name another with PYTHON=/path/to/python3"
export PYTHONPATH=$checkout${PYTHONPATH:+:$PYTHONPATH}
if [ "${1:-}" != wheels ] && compgen -G "$checkout/wheels/*.whl" >/dev/null; then
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --disable-pip-version-check \
        --root-user-action=ignore --target "$site" "$checkout"/wheels/*.whl ||
        fail "pip could not unpack wheels/; its message is above"
    export PYTHONPATH=$checkout:$site${PYTHONPATH#"$checkout"}
fi
"$python" "$checkout/scripts/gpu_check.py" "$@"
