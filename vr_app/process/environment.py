"""Start processes that run this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def apart() -> dict[str, Any]:
    """Return arguments of `subprocess.Popen` for a process that Ctrl-C in the terminal does not end."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def environment() -> dict[str, str]:
    """Return an environment in which a Python process finds this package from any working directory."""
    packages = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH"))))}
