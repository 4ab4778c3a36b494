"""The control panel drawn by Dear ImGui, as triangles. This is the only module that imports imgui_bundle, and only when
a panel is made, since the import takes a third of a second."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vr_app.core.panel.pointer import Pointer
from vr_app.core.panel.triangles import ATLAS, LETTERS, Drawn
from vr_app.ui.contents import PAGES, Event, PanelState, Place, rows
from vr_app.ui.style import HEAD, HIGH, WIDE, set_style
from vr_app.ui.widgets import Widgets, height

SETTLES = 3
"""Drawings after the last change until its effects are complete: a press arrives, the hovered item lights up."""


ENDS_TYPING = ("enter", "kp_enter", "escape")
"""The keys with which a field is left."""

AWAITS = 6
"""Drawings within which a field is ready to be typed into."""


class InterfaceError(Exception):
    """The panel is not available; the message says why and what to install."""


class Canvas:
    """An imgui context that draws one window as triangles. `fonts`: files, the first for all its letters, the others
    for letters that it lacks. `gui`: the module.

    Raises InterfaceError if imgui_bundle cannot be loaded. Belongs to one thread.
    """

    def __init__(self, fonts: Sequence[Path]) -> None:
        self.gui = gui = imported()
        self._context = gui.create_context()
        gui.set_current_context(self._context)  # otherwise another panel's context stays current
        io = gui.get_io()
        io.set_ini_filename("")
        io.set_log_filename("")
        io.backend_flags |= gui.BackendFlags_.renderer_has_textures
        io.config_flags |= gui.ConfigFlags_.no_mouse_cursor_change | gui.ConfigFlags_.nav_enable_keyboard
        io.config_input_text_cursor_blink = False
        io.delta_time = 1 / 60
        io.fonts.tex_min_width = io.fonts.tex_max_width = ATLAS
        io.fonts.tex_min_height = io.fonts.tex_max_height = ATLAS
        for number, font in enumerate(fonts):
            config = gui.ImFontConfig()
            config.merge_mode = number > 0
            io.fonts.add_font_from_file_ttf(str(font), 20.0, config)

    def begin(
        self, em: int, size: tuple[int, int], pointer: Pointer | None, keys: Sequence[tuple[str, bool]] | None = None
    ) -> None:
        """Begin a window of `size` texels, with `em` texels per em. `keys`: those that went down (True) or up, by
        imgui's names; None: the window takes no keys."""
        gui = self.gui
        gui.set_current_context(self._context)
        io = gui.get_io()
        x, y = pointer.at if pointer else (-1e6, -1e6)
        io.add_mouse_pos_event(x, y)
        io.add_mouse_button_event(0, bool(pointer and pointer.pressed))
        for key, down in keys or ():
            io.add_key_event(getattr(gui.Key, key), down)
        io.display_size = size
        gui.new_frame()
        set_style(gui, em)
        gui.push_font(None, float(em))
        gui.set_next_window_pos((0, 0))
        gui.set_next_window_size(size)
        flags = gui.WindowFlags_.no_decoration | gui.WindowFlags_.no_move
        gui.begin("panel", None, flags | (gui.WindowFlags_.no_nav if keys is None else 0))

    def type(self, typed: Sequence[str]) -> None:
        """Type letters, and press the keys named, in the next window. Each key takes two of them."""
        self.gui.set_current_context(self._context)
        io, keys = self.gui.get_io(), self.gui.Key
        named = {"left": keys.left_arrow, "right": keys.right_arrow, "kp_enter": keys.enter}
        for what in typed:
            if len(what) == 1:
                io.add_input_character(ord(what))
                continue
            key = named.get(what) or getattr(keys, what)
            io.add_key_event(key, True)
            io.add_key_event(key, False)

    def end(self, size: tuple[int, int], targets: dict[str, tuple[float, float]]) -> Drawn:
        """End the window, and return it. `targets`: the middles of its controls."""
        gui = self.gui
        gui.end()
        gui.pop_font()
        gui.render()
        vertices, indices, parts = [], [], []
        letters = self._letters()
        first_vertex = first_index = 0
        for drawn in gui.get_draw_data().cmd_lists:
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
        return Drawn(size, np.concatenate(vertices), np.concatenate(indices), tuple(parts), letters, targets)

    def close(self) -> None:
        """Destroy the context. May be called twice."""
        if self._context is not None:
            self.gui.destroy_context(self._context)
            self._context = None

    def _letters(self) -> np.ndarray | None:
        """Return the letters' texture if it has changed."""
        gui, changed = self.gui, None
        for texture in gui.get_platform_io().textures:
            if texture.status == gui.ImTextureStatus.want_destroy:
                texture.set_tex_id(0)
                texture.status = gui.ImTextureStatus.destroyed
            elif texture.status != gui.ImTextureStatus.ok:
                changed = np.array(texture.get_pixels_array()).reshape(texture.height, texture.width, 4)
                texture.set_tex_id(LETTERS)
                texture.status = gui.ImTextureStatus.ok
        return changed


class Interface:
    """One control panel, on a canvas of its own."""

    def __init__(self, fonts: Sequence[Path]) -> None:
        """Raises InterfaceError, as `Canvas` does."""
        self._canvas = Canvas(fonts)
        self._widgets = Widgets(self._canvas.gui)
        self._kept: tuple | None = None
        self._settling = SETTLES
        self._queue: list[str] = []
        self._leaves = False
        """The field has been left; Dear ImGui takes a few frames for it."""

    @staticmethod
    def extent(state: PanelState) -> tuple[float, float]:
        """Return width and height in em of the open panel, the same for all its pages: its header does not move."""
        pages = (Place(True, number) for number in range(len(PAGES)))
        return WIDE, min(HIGH, HEAD + max(sum(map(height, rows(state, page))) for page in pages))

    def draw(
        self,
        state: PanelState,
        place: Place,
        em: int,
        size: tuple[int, int],
        pointer: Pointer | None,
        typed: Sequence[str] = (),
    ) -> tuple[tuple[Event, ...], Drawn | None]:
        """Return the panel's events and a new `Drawn`, or None if the last one is still valid. `size` in texels.
        `typed`: as `ControllerSample` has it."""
        kept = state, place, em, size, pointer and (pointer.at, pointer.pressed)
        self._queue += typed
        if kept == self._kept and not (self._settling or self._queue):
            return (), None
        changed = kept != self._kept or self._queue
        # Dear ImGui takes the press and the release of a key in frames of their own.
        self._settling = max(self._settling, SETTLES + 2 * len(self._queue)) if changed else self._settling - 1
        self._kept = kept
        self._type()
        self._canvas.begin(em, size, pointer)
        self._widgets.begin(em)
        if place.open:
            self._widgets.head(place)
            for row in rows(state, place):
                self._widgets.row(row, state)
        else:
            self._widgets.handle(place, size)
        drawn = self._canvas.end(size, self._widgets.targets)
        return tuple(self._widgets.events), drawn

    def focus(self, field: str, typed: Sequence[str]) -> None:
        """Get the field of that title ready to be typed into, with the next drawings of its page. `typed`: what has
        already been typed for it."""
        self._widgets.focus, self._widgets.awaits = field, AWAITS
        self._queue, self._leaves = list(typed), False
        self._settling = max(self._settling, AWAITS)

    @property
    def writes(self) -> bool:
        """Whether what is typed goes into a field."""
        leaves = self._leaves or not set(self._queue).isdisjoint(ENDS_TYPING)
        return (self._widgets.writes or self._widgets.awaits > 0) and not leaves

    @property
    def wrote(self) -> bool:
        """Whether that ended with the last drawing."""
        return self._widgets.wrote

    @property
    def settled(self) -> bool:
        """Whether the last picture shows all effects of what has happened."""
        return not self._settling

    def close(self) -> None:
        """Destroy the canvas. May be called twice."""
        self._canvas.close()

    def _type(self) -> None:
        """Hand over what has been typed, once a field takes it."""
        if self._widgets.awaits:
            return
        typed, self._queue = self._queue if self._widgets.writes else [], []
        self._leaves = self._widgets.writes and (self._leaves or not set(typed).isdisjoint(ENDS_TYPING))
        self._canvas.type(typed)


def _copied(buffer: Any, kind: type, each: int) -> np.ndarray:
    """Return a copy of a buffer that imgui will overwrite: `each` numbers of 4 bytes per element."""
    size = buffer.size() * each
    if not size:
        return np.zeros(0, kind)
    memory = (ctypes.c_uint32 * size).from_address(buffer.data_address())
    return np.frombuffer(memory, kind).copy()


def imported(module: str = "imgui") -> Any:
    """Import a module of imgui_bundle. The package points glfw to a library of its own, for any later import of glfw;
    that is undone. Raises InterfaceError."""
    before = os.environ.get("PYGLFW_LIBRARY")
    try:
        import imgui_bundle

        return getattr(imgui_bundle, module)
    except ImportError as error:
        raise InterfaceError(f"no control panel: {error}; pip install imgui-bundle==1.93.0 into .venv") from error
    finally:
        if before is None:
            os.environ.pop("PYGLFW_LIBRARY", None)
