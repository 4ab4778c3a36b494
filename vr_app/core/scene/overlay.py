"""How the overlay colours what the network added.

The overlay tells by how many grey levels (of 255) a synthesised pixel departs from what the photograph alone
determines, by a ramp from nothing by yellow to magenta. These differ in lightness and in blue: no kind of colour
blindness mixes them up, and neither is a fundus's.
"""

from __future__ import annotations

from vr_app.core.scene.scene import Rgba

LITTLE: Rgba = (1.0, 0.9, 0.1, 1.0)

MUCH: Rgba = (1.0, 0.1, 0.9, 1.0)

FROM, FULL = 1.0, 12.0
"""Grey levels. Up to the first, which rounding alone can cause, nothing shows; from the second on the colour is
`MUCH`."""

OPACITY = 0.8
"""Opacity of the overlay from half way on, where its colour is `LITTLE`. It rises from 0 up to there, and the colour
turns to `MUCH` beyond."""
