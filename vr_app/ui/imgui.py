"""The control panel drawn by Dear ImGui, as triangles: the only module that imports imgui_bundle, and that only when a
panel is made, since it takes a third of a second."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vr_app.core.panel.pointer import Pointer
from vr_app.core.panel.triangles import ATLAS, LETTERS, THUMBNAILS, THUMBNAILS_ACROSS, Drawn
from vr_app.ui.contents import (
    PAGES,
    Buttons,
    Choice,
    Event,
    Gallery,
    PanelState,
    Picture,
    Place,
    Row,
    Slider,
    Turn,
    Words,
    moved,
    rows,
)

WIDE, HIGH = 24.5, 27.2
"""Em of an open panel: its width, and how high it may be."""

HANDLE = 2.6
"""Em of its handle's edges."""

TITLE_WIDE = 6.2
"""Em to the left of what can be chosen."""

HEAD = 3.6
"""Em of what is above and below the rows."""

VALUE_WIDE = 3.4
"""Em to the right of a slider, for its value."""

HIGH_ROW = 2.1
"""Em from one row to the next: at 1344x1512 pixels an eye over 4 degrees, so that no trembling hand misses."""

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

SETTLES = 3
"""Drawings after the last change, in which what it did comes to its end: a press arrives, what is hovered lights up."""


class InterfaceError(Exception):
    """The panel cannot be had; the message says why and what to install."""


class Interface:
    """One panel. `fonts`: files, the first for all its letters, the others for those that it lacks.

    Raises InterfaceError where imgui_bundle cannot be loaded. Belongs to one thread.
    """

    def __init__(self, fonts: Sequence[Path]) -> None:
        self._gui = gui = _imported()
        self._context = gui.create_context()
        gui.set_current_context(self._context)  # another panel's stays the current one else
        io = gui.get_io()
        io.set_ini_filename("")
        io.set_log_filename("")
        io.backend_flags |= gui.BackendFlags_.renderer_has_textures
        io.config_flags |= gui.ConfigFlags_.no_mouse_cursor_change
        io.delta_time = 1 / 60
        io.fonts.tex_min_width = io.fonts.tex_max_width = ATLAS
        io.fonts.tex_min_height = io.fonts.tex_max_height = ATLAS
        for number, font in enumerate(fonts):
            config = gui.ImFontConfig()
            config.merge_mode = number > 0
            io.fonts.add_font_from_file_ttf(str(font), 20.0, config)
        self._targets: dict[str, tuple[float, float]] = {}
        self._events: list[Event] = []
        self._kept: tuple | None = None
        self._settling = SETTLES
        self._turned: dict[str, float] = {}

    @staticmethod
    def extent(state: PanelState) -> tuple[float, float]:
        """Width and height in em of the open panel. All its pages have the same: its head stays where it is."""
        pages = (Place(True, number) for number in range(len(PAGES)))
        return WIDE, min(HIGH, HEAD + max(sum(map(_height, rows(state, page))) for page in pages))

    def draw(
        self, state: PanelState, place: Place, em: int, size: tuple[int, int], pointer: Pointer | None
    ) -> tuple[tuple[Event, ...], Drawn | None]:
        """What was asked for, and a new `Drawn`; None where the last one still shows it. `size` in texels."""
        kept = state, place, em, size, pointer and (pointer.at, pointer.pressed)
        if kept == self._kept and not self._settling:
            return (), None
        self._settling = SETTLES if kept != self._kept else self._settling - 1
        self._kept = kept
        self._gui.set_current_context(self._context)
        self._point(pointer)
        return self._frame(state, place, em, size)

    def close(self) -> None:
        """Give it back. May be called twice."""
        if self._context is not None:
            self._gui.destroy_context(self._context)
            self._context = None

    def _point(self, pointer: Pointer | None) -> None:
        io = self._gui.get_io()
        x, y = pointer.at if pointer else (-1e6, -1e6)
        io.add_mouse_pos_event(x, y)
        io.add_mouse_button_event(0, bool(pointer and pointer.pressed))

    def _frame(
        self, state: PanelState, place: Place, em: int, size: tuple[int, int]
    ) -> tuple[tuple[Event, ...], Drawn]:
        gui = self._gui
        gui.get_io().display_size = size
        self._targets, self._events = {}, []
        gui.new_frame()
        self._style(em)
        gui.push_font(None, float(em))
        gui.set_next_window_pos((0, 0))
        gui.set_next_window_size(size)
        gui.begin("panel", None, gui.WindowFlags_.no_decoration | gui.WindowFlags_.no_move | gui.WindowFlags_.no_nav)
        if place.open:
            self._head(place, em)
            for row in rows(state, place):
                self._row(row, state, em)
        else:
            self._handle(place, size)
        gui.end()
        gui.pop_font()
        gui.render()
        return tuple(self._events), self._drawn(size)

    def _style(self, em: int) -> None:
        gui, style = self._gui, self._gui.get_style()
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

    # Rows.

    def _head(self, place: Place, em: int) -> None:
        """The pages, and what closes the panel."""
        gui = self._gui
        closing = 2.0 * em
        wide = (gui.get_content_region_avail().x - closing - 0.3 * em * len(PAGES)) / len(PAGES)
        for number, page in enumerate(PAGES):
            gui.push_style_var(gui.StyleVar_.frame_padding, (0.0, gui.get_style().frame_padding.y))
            self._button(page, page, (wide, 0), Turn(Place(True, number, place.gallery)), number == place.page)
            gui.pop_style_var()
            gui.same_line()
        self._button("×", "close", (closing, 0), Turn(Place(False, place.page, place.gallery)), False)
        gui.dummy((0, 0.15 * em))

    def _row(self, row: Row, state: PanelState, em: int) -> None:
        gui = self._gui
        match row:
            case Choice(title, options, chosen):
                self._title(title, em)
                self._buttons([(word, f"{title}: {word}", event) for word, event in options], chosen, em)
            case Buttons(buttons, chosen):
                beside = _beside(buttons)
                for at in range(0, len(buttons), beside):
                    self._buttons([(word, word, event) for word, event in buttons[at : at + beside]], chosen - at, em)
            case Slider():
                self._slider(row, state, em)
            case Gallery(pictures):
                self._gallery(pictures, em)
            case Words(lines, warns):
                gui.push_style_color(gui.Col_.text, WARNING if warns else TEXT)
                for line in lines:
                    gui.text_wrapped(line) if line else gui.dummy((0, 0.4 * em))
                gui.pop_style_color()

    def _title(self, title: str, em: int) -> None:
        gui = self._gui
        gui.align_text_to_frame_padding()
        gui.text_colored(DIM, title)
        gui.same_line(TITLE_WIDE * em)

    def _buttons(self, buttons: Sequence[tuple[str, str, Event]], chosen: int, em: int) -> None:
        """Words, name and event of each, beside each other as wide as the panel."""
        count, gap = len(buttons), 0.3 * em
        wide = (self._gui.get_content_region_avail().x - gap * (count - 1)) / max(1, count)
        for number, (word, name, event) in enumerate(buttons):
            self._button(word, name, (wide, 0), event, number == chosen)
            if number < count - 1:
                self._gui.same_line()

    def _button(self, word: str, name: str, size: tuple[float, float], event: Event, chosen: bool) -> None:
        gui = self._gui
        names = gui.Col_
        for which, colour in (
            (names.button, CHOSEN if chosen else PLAIN),
            (names.button_hovered, CHOSEN_HOVERED if chosen else HOVERED),
            (names.text, BRIGHT if chosen else TEXT),
        ):
            gui.push_style_color(which, colour)
        if gui.button(f"{word}##{name}", size):
            self._events.append(event)
        gui.pop_style_color(3)
        self._note(name)

    def _slider(self, row: Slider, state: PanelState, em: int) -> None:
        gui = self._gui
        self._title(row.title, em)
        gui.set_next_item_width(-VALUE_WIDE * em)
        value = self._turned.get(row.title, row.value)
        told = row.told if row.title not in self._turned else f"{value:.2f}"
        flags = gui.SliderFlags_.logarithmic if row.logarithmic else 0
        changed, value = gui.slider_float(f"##{row.title}", value, *row.limits, "", flags)
        held = gui.is_item_active()  # of the slider: the words beside it are an item too
        self._note(row.title)
        gui.same_line(gui.get_window_width() - 0.55 * em - gui.calc_text_size(told).x)
        gui.text(told)
        if not row.when_let_go:
            if changed:
                self._events.append(moved(row.title, value, state))
            return
        if held:
            self._turned[row.title] = value
        elif row.title in self._turned:
            self._events.append(moved(row.title, self._turned.pop(row.title), state))

    def _gallery(self, pictures: Sequence[Picture], em: int) -> None:
        gui = self._gui
        edge = (gui.get_content_region_avail().x - 0.6 * em) / 3
        pen = gui.get_window_draw_list()
        for number, picture in enumerate(pictures):
            corner = gui.get_cursor_screen_pos()
            self._button("", f"image {picture.event.image}", (edge, edge + 1.5 * em), picture.event, picture.chosen)
            x, y = corner.x + 0.35 * em, corner.y + 0.35 * em
            inner = edge - 0.7 * em
            if picture.extent is not None:
                self._thumbnail(pen, picture, (x, y), inner)
            wide = gui.calc_text_size(picture.name).x
            at = corner.x + max(0.2 * em, (edge - wide) / 2), corner.y + edge
            pen.push_clip_rect((corner.x, corner.y), (corner.x + edge, corner.y + edge + 1.5 * em), True)
            pen.add_text(at, gui.color_convert_float4_to_u32(BRIGHT if picture.chosen else TEXT), picture.name)
            pen.pop_clip_rect()
            if (number + 1) % 3 and number < len(pictures) - 1:
                gui.same_line()

    def _thumbnail(self, pen: Any, picture: Picture, corner: tuple[float, float], edge: float) -> None:
        """As large as fits, in the middle of its square."""
        row, column = divmod(picture.event.image, THUMBNAILS_ACROSS)
        across, down = picture.extent
        most = max(across, down)
        wide, high = edge * across / most, edge * down / most
        x, y = corner[0] + (edge - wide) / 2, corner[1] + (edge - high) / 2
        u, v = column / THUMBNAILS_ACROSS, row / THUMBNAILS_ACROSS
        pen.add_image(
            self._gui.ImTextureRef(THUMBNAILS), (x, y), (x + wide, y + high),
            (u, v), (u + across / THUMBNAILS_ACROSS, v + down / THUMBNAILS_ACROSS),
        )  # fmt: skip

    def _handle(self, place: Place, size: tuple[int, int]) -> None:
        """Three bars, all of it a button."""
        gui = self._gui
        gui.set_cursor_pos((0, 0))
        self._button("", "open", size, Turn(Place(True, place.page, place.gallery)), False)
        pen, colour = gui.get_window_draw_list(), gui.color_convert_float4_to_u32(TEXT)
        edge = size[0]
        for row in (0.34, 0.5, 0.66):
            pen.add_line((0.28 * edge, row * edge), (0.72 * edge, row * edge), colour, max(1.0, 0.06 * edge))

    def _note(self, name: str) -> None:
        """Remember where the last control is."""
        low, high = self._gui.get_item_rect_min(), self._gui.get_item_rect_max()
        self._targets[name] = (low.x + high.x) / 2, (low.y + high.y) / 2

    # What comes of it.

    def _drawn(self, size: tuple[int, int]) -> Drawn:
        vertices, indices, parts = [], [], []
        letters = self._letters()
        first_vertex = first_index = 0
        for drawn in self._gui.get_draw_data().cmd_lists:
            points = _copied(drawn.vtx_buffer, np.float32, 5).reshape(-1, 5)
            corners = _copied(drawn.idx_buffer, np.uint32, 1)
            for part in drawn.cmd_buffer:
                clip = tuple(
                    round(edge) for edge in (part.clip_rect.x, part.clip_rect.y, part.clip_rect.z, part.clip_rect.w)
                )
                parts.append((int(part.tex_ref.get_tex_id()), clip, first_index + part.idx_offset, part.elem_count))
            vertices.append(points)
            indices.append(corners + np.uint32(first_vertex))
            first_vertex += len(points)
            first_index += len(corners)
        return Drawn(size, np.concatenate(vertices), np.concatenate(indices), tuple(parts), letters, self._targets)

    def _letters(self) -> np.ndarray | None:
        """The letters' texture where it has changed."""
        gui, changed = self._gui, None
        for texture in gui.get_platform_io().textures:
            if texture.status == gui.ImTextureStatus.want_destroy:
                texture.set_tex_id(0)
                texture.status = gui.ImTextureStatus.destroyed
            elif texture.status != gui.ImTextureStatus.ok:
                changed = np.array(texture.get_pixels_array()).reshape(texture.height, texture.width, 4)
                texture.set_tex_id(LETTERS)
                texture.status = gui.ImTextureStatus.ok
        return changed


def _height(row: Row) -> float:
    """Em that a row takes, with the gap below it."""
    match row:
        case Buttons(buttons):
            return HIGH_ROW * -(-len(buttons) // _beside(buttons))
        case Gallery(pictures):
            return (WIDE / 3 + 1.5) * max(1, -(-len(pictures) // 3))
        case Words(lines):
            return 1.4 * len(lines)
    return HIGH_ROW


def _beside(buttons: Sequence[tuple[str, Event]]) -> int:
    """How many buttons stand beside each other."""
    return 2 if len(buttons) in (2, 4) else 3


def _copied(buffer: Any, kind: type, each: int) -> np.ndarray:
    """A copy of what imgui will overwrite: `each` numbers of 4 bytes an element."""
    size = buffer.size() * each
    if not size:
        return np.zeros(0, kind)
    memory = (ctypes.c_uint32 * size).from_address(buffer.data_address())
    return np.frombuffer(memory, kind).copy()


def _imported() -> Any:
    """imgui. Its package points glfw to a library of its own, for whoever imports glfw after it: that is taken back."""
    before = os.environ.get("PYGLFW_LIBRARY")
    try:
        from imgui_bundle import imgui

        return imgui
    except ImportError as error:
        raise InterfaceError(f"no control panel: {error}; pip install imgui-bundle==1.93.0 into .venv") from error
    finally:
        if before is None:
            os.environ.pop("PYGLFW_LIBRARY", None)
