"""Draw the curves of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sr_core.errors import UserError
from sr_core.study.training.curve import Line, panel


def curves_picture(documents: Sequence[Mapping]) -> np.ndarray:
    """Draw every curve of some measurements, uint8 (H, W, 3): one below the other, one for each unit in which it has
    points.

    If a curve was measured twice, the last one counts. Raises UserError if there are no curves.
    """
    curves = {name: points for document in documents for name, points in document["curves"].items()}
    if not curves:
        raise UserError("bench table: no curve to draw in these files; measure with --curves")
    return np.concatenate([picture for name, points in curves.items() for picture in _pictures(name, points)])


def _pictures(name: str, points: Sequence[Mapping[str, float]]) -> list[np.ndarray]:
    """Draw one curve. Its points name the x axis first, then the measured values as "what, unit" or "what, unit
    (which)"."""
    across, *measured = points[0]
    by_unit: dict[str, list[Line]] = {}
    x = tuple(float(point[across]) for point in points)
    for key in measured:
        what, comma, unit = key.rpartition(", ")
        if comma:
            unit, _, which = unit.partition(" (")
            line = Line(f"{what} ({which}" if which else what, x, tuple(float(point[key]) for point in points))
            by_unit.setdefault(unit, []).append(line)
    return [panel(f"{name}: {unit}", across, lines, from_zero=True) for unit, lines in by_unit.items()]
