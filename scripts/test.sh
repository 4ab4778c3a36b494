#!/usr/bin/env bash
# Runs the tests: scripts/test.sh [arguments of pytest; paths are relative to the checkout]
#
# Sets up .venv and the OpenXR rig first: a machine with monado-service uses its own; as root on Debian the rig is built
# once and cached (scripts/rig.sh); elsewhere the tests marked `xr` are skipped with the reason and the cure.
#   FUNDUSXR_DATA=DIR         where the fundus photographs are; without it the tests that need them are skipped
#   FUNDUSXR_REQUIRE_RIG=1    a skipped XR test fails, and so do too few of them; without a rig no test is begun
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
prepare_environment requirements.lock requirements-dev.lock
cd "$checkout"
pytest=("$venv/bin/python" -m pytest "$@")
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
exec "${around[@]}" "${pytest[@]}"
