"""How the control panel looks: its sizes in em, and its colours."""

from __future__ import annotations

from typing import Any

WIDE, HIGH = 24.5, 31.4
"""In em: the width of an open panel, and its maximum height."""

HANDLE = 2.6
"""Em of its handle's edges."""

TITLE_WIDE = 6.2
"""Em to the left of the controls."""

HEAD = 3.6
"""Em above and below the rows."""

VALUE_WIDE = 3.4
"""Em to the right of a slider, for its value."""

HIGH_ROW = 2.1
"""Em from one row to the next: at 1344x1512 pixels an eye over 4 degrees, so that a trembling hand does not miss."""

TEXT, DIM, BRIGHT = (0.80, 0.81, 0.83, 1.0), (0.56, 0.58, 0.61, 1.0), (0.95, 0.96, 0.97, 1.0)
WARNING = (1.0, 0.72, 0.25, 1.0)
GROUND, EDGE, PLAIN, HOVERED, PRESSED = (
    (0.075, 0.080, 0.090, 1.0),
    (0.190, 0.200, 0.220, 1.0),
    (0.135, 0.145, 0.160, 1.0),
    (0.200, 0.215, 0.240, 1.0),
    (0.270, 0.295, 0.330, 1.0),
)
CHOSEN, CHOSEN_HOVERED = (0.210, 0.315, 0.410, 1.0), (0.250, 0.375, 0.480, 1.0)


def set_style(gui: Any, em: int) -> None:
    """Set imgui's style, with `em` texels per em."""
    style = gui.get_style()
    style.window_padding, style.item_spacing = (0.55 * em, 0.55 * em), (0.3 * em, 0.35 * em)
    style.frame_padding = (0.4 * em, (HIGH_ROW - 0.35 - 1) / 2 * em)
    style.frame_rounding = style.grab_rounding = 0.28 * em
    style.window_rounding = style.frame_border_size = 0.0
    style.window_border_size = max(1.0, 0.05 * em)
    style.grab_min_size = 1.1 * em
    names = gui.Col_
    for name, colour in (
        (names.window_bg, GROUND), (names.border, EDGE), (names.text, TEXT),
        (names.button, PLAIN), (names.button_hovered, HOVERED),
        (names.button_active, PRESSED), (names.frame_bg, PLAIN), (names.frame_bg_hovered, HOVERED),
        (names.frame_bg_active, HOVERED), (names.slider_grab, (0.36, 0.50, 0.62, 1.0)),
        (names.slider_grab_active, (0.45, 0.62, 0.76, 1.0)),
    ):  # fmt: skip
        style.set_color_(name, colour)
