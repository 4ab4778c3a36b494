#!/usr/bin/env bash
# Shows fundus photographs: scripts/run.sh [IMAGE|FOLDER ...] [options of `fundusxr view`]
#
# The first time it makes .venv from requirements.lock (and installs or names missing system packages); after that it
# starts at once. Without an image it shows the bundled photograph. PYTHON=/path/to/python3 names the Python to use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
prepare_environment requirements.lock
exec "$venv/bin/fundusxr" view "$@"
