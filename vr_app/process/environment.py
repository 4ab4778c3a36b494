"""Processes of this package's own."""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """In which a Python process finds this package, wherever the user has gone to."""
    packages = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH"))))}
