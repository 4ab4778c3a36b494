"""How the overlay colours what the network restored and what it invented.

A ramp from nothing through yellow to magenta shows by how many grey levels (of 255) a computed pixel departs from what
the photograph, or what its file leaves open, determines. Beneath it, a ramp from nothing to blue shows how far the
latter lies from the decoded photograph. The two differ in lightness or in blue, so no kind of colour blindness confuses
them, and no fundus has these colours.
"""

from __future__ import annotations

from vr_app.core.scene.scene import Rgba

LITTLE: Rgba = (1.0, 0.9, 0.1, 1.0)

MUCH: Rgba = (1.0, 0.1, 0.9, 1.0)

RESTORED_COLOUR: Rgba = (0.2, 0.2, 1.0, 1.0)

FROM, FULL = 1.0, 12.0
"""In grey levels. Up to the first, which rounding alone can cause, nothing shows; from the second on the colour is
`MUCH`."""

OPACITY = 0.8
"""Opacity of the overlay from half way on, where its colour is `LITTLE`. It rises from 0 up to there, and the colour
turns to `MUCH` beyond. What is restored keeps its colour."""
