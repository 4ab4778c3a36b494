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

    @staticmethod
    def extent(state: PanelState) -> tuple[float, float]:
        """Return width and height in em of the open panel, the same for all its pages: its header does not move."""
        pages = (Place(True, number) for number in range(len(PAGES)))
        return WIDE, min(HIGH, HEAD + max(sum(map(height, rows(state, page))) for page in pages))

    def draw(
        self, state: PanelState, place: Place, em: int, size: tuple[int, int], pointer: Pointer | None
    ) -> tuple[tuple[Event, ...], Drawn | None]:
        """Return the panel's events and a new `Drawn`, or None if the last one is still valid. `size` in texels."""
        kept = state, place, em, size, pointer and (pointer.at, pointer.pressed)
        if kept == self._kept and not self._settling:
            return (), None
        self._settling = SETTLES if kept != self._kept else self._settling - 1
        self._kept = kept
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

    @property
    def settled(self) -> bool:
        """Whether the last picture shows all effects of what has happened."""
        return not self._settling

    def close(self) -> None:
        """Destroy the canvas. May be called twice."""
        self._canvas.close()


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
