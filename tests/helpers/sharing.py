"""Two processes share a run: one takes the files whose tests have a window or a headset, the other the remaining files.

Where pytest runs alone, nothing here does anything.
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
    """Whether tests of a file have a window or a headset.

    One process runs all of these, one after the other: two at once would take each other's keyboard focus, and frames
    of one would wait for those of the other.
    """
    return re.search(r"mark\.xr\b|\bXvfb\b", path.read_text(encoding="utf-8")) is not None


def yield_to_the_screen() -> None:
    """Run last from now on, as the viewer's lanes do: beside a process that comes before them they would compute
    nearly nothing, and the tests on the screen wait for their tiles."""
    if SHARED:
        give_way(LAST)
