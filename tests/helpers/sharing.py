"""Processes share a run: one takes the files whose tests have a window or a headset, the others the remaining files.

If pytest runs alone, nothing here does anything.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from sr_core.engine.priority import LAST, give_way

SHARED = "PYTEST_XDIST_WORKER" in os.environ
"""Whether this is one of several processes."""


@cache
def on_the_screen(path: Path) -> bool:
    """Whether the tests in a file use a window or a headset.

    One process runs all of these, one after the other: two at once would steal each other's keyboard focus, and their
    frames would wait for each other.
    """
    return re.search(r"mark\.xr\b|\bXvfb\b", path.read_text(encoding="utf-8")) is not None


def yield_to_the_screen() -> None:
    """Lower this process's priority from now on, as the viewer's lanes do. Beside a process with a higher priority the
    lanes would compute almost nothing, and the tests on the screen wait for their tiles."""
    if SHARED:
        give_way(LAST)
