#!/usr/bin/env bash
# Runs the tests: scripts/test.sh [quick] [arguments of pytest; paths are relative to the checkout]
#
# Without arguments all of them, by three processes at once where there are two cores. `quick` selects those that need no
# window, no headset and no long computation: they take less than two minutes on two idle cores.
# Sets up .venv and the OpenXR rig first: a machine with monado-service uses its own; as root on Debian the rig is built
# once and cached (scripts/rig.sh); elsewhere the tests marked `xr` are skipped with the reason and the cure.
#   FUNDUSXR_DATA=DIR         where the fundus photographs are; without it the tests that need them are skipped
#   FUNDUSXR_REQUIRE_RIG=1    a skipped XR test fails, and so do too few of them; without a rig no test is begun
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
prepare_environment requirements.lock requirements-dev.lock
cd "$checkout"
quick=(tests/project/test_architecture.py tests/project/test_docs.py tests/sr_core/image tests/sr_core/tiles
    tests/vr_app/core tests/vr_app/files tests/vr_app/regions/test_files.py)
chosen=() shared=()
[ "$(nproc)" -lt 2 ] || shared=(-n 3 --dist loadfile)
if [ $# = 0 ]; then
    chosen=("${shared[@]}")
elif [ "$1" = quick ]; then
    shift
    chosen=("${quick[@]}" "${shared[@]}")
fi
pytest=("$venv/bin/python" -m pytest "${chosen[@]}" "$@")
around=()
if command -v monado-service >/dev/null || scripts/rig.sh build; then
    around=(scripts/rig.sh exec)
fi
missing=$("${around[@]}" "$venv/bin/python" -m tests.rig.missing)
if [ -n "$missing" ]; then
    cure="see docs/testing.md, The rig"
    [ "${FUNDUSXR_REQUIRE_RIG:-}" != 1 ] ||
        fail "no OpenXR rig here ($missing missing), and FUNDUSXR_REQUIRE_RIG=1 requires one: no test is begun; $cure"
    say "no OpenXR rig here ($missing missing): the tests marked xr will be skipped; $cure"
fi
unset PYTHONDONTWRITEBYTECODE   # tests start some hundred programs, each of which would compile the modules anew
exec "${around[@]}" "${pytest[@]}"
