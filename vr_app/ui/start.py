"""The start page of a window: what there is to open, as plain values, and how that is drawn with imgui."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sr_core.files import printable
from vr_app.core.panel.pointer import Pointer
from vr_app.core.panel.triangles import Drawn
from vr_app.core.view.intent import OpenFolder, OpenPhotographs
from vr_app.ui.imgui import Canvas
from vr_app.ui.style import BRIGHT, CHOSEN, CHOSEN_HOVERED, DIM, WARNING

WIDE = 48.0
"""Em of the page, if the window is wide enough."""

HIGH, SPACE_ABOVE = 36.0, 0.4
"""The most em that the page takes from top to bottom, and the part of what is left that lies above it."""

LARGE = 3.4
"""The height in em of the buttons that open something."""

SHOWN = 8
"""Folders on the page, of those opened last or found inside another."""


@dataclass(frozen=True)
class Show:
    """Open these files or folders."""

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Example:
    """Open the bundled photograph; as a `lesson`, with the bundled tour."""

    lesson: bool


@dataclass(frozen=True)
class WearHeadset:
    """Go on in the headset."""


@dataclass(frozen=True)
class LookForHeadset:
    """Ask again whether there is one."""


@dataclass(frozen=True)
class ForgetFolders:
    """Forget the folders that were opened last."""


Choice = OpenPhotographs | OpenFolder | Show | Example | WearHeadset | LookForHeadset | ForgetFolders


@dataclass(frozen=True)
class Page:
    """What the start page shows. `recent`: the folders opened last; `inside`: instead of them, folders with photographs
    inside one that has none; `told`: what went wrong; `headset`: what is known of one; `worn`: one answers; `asking`:
    the answer is not there yet."""

    recent: tuple[Path, ...] = ()
    inside: tuple[Path, ...] = ()
    told: str = ""
    headset: str = ""
    worn: bool = False
    asking: bool = False


class StartInterface:
    """Draws the page. Raises InterfaceError, as `Canvas` does. Belongs to one thread."""

    def __init__(self, fonts: Sequence[Path]) -> None:
        self._canvas = Canvas(fonts)
        self._gui = self._canvas.gui
        self._chosen: list[Choice] = []
        self._targets: dict[str, tuple[float, float]] = {}
        self._em = 0

    def draw(
        self, page: Page, em: int, size: tuple[int, int], pointer: Pointer | None, keys: Sequence[tuple[str, bool]]
    ) -> tuple[tuple[Choice, ...], Drawn]:
        """Return what was chosen, and the page, `size` texels large. `keys`: as for `Canvas.begin`."""
        gui, self._em = self._gui, em
        self._chosen, self._targets = [], {}
        self._canvas.begin(em, size, pointer, keys)
        wide = min(size[0] - 2.0 * em, WIDE * em)
        top = max(1.2 * em, SPACE_ABOVE * (size[1] - HIGH * em))
        gui.set_cursor_pos(((size[0] - wide) / 2, top))
        gui.begin_child("page", (wide, size[1] - top - em), gui.ChildFlags_.nav_flattened)
        self._head()
        self._open()
        self._folders(page)
        self._examples()
        self._headset(page)
        gui.dummy((0, 0.6 * em))
        gui.text_colored(DIM, "Tab and the arrow keys move, Space or Enter opens, Ctrl+Q quits.")
        gui.end_child()
        return tuple(self._chosen), self._canvas.end(size, self._targets)

    def close(self) -> None:
        """Destroy the canvas. May be called twice."""
        self._canvas.close()

    def _head(self) -> None:
        gui, em = self._gui, self._em
        gui.push_font(None, 2.0 * em)
        gui.text_colored(BRIGHT, "FundusXR")
        gui.pop_font()
        gui.text("Fundus photographs, super-resolved where you look closely.")
        gui.same_line()
        gui.text_colored(WARNING, "Not for diagnosis")

    def _open(self) -> None:
        gap = 0.3 * self._em
        self._gui.dummy((0, 0.5 * self._em))
        half = (self._gui.get_content_region_avail().x - gap) / 2
        names = self._gui.Col_
        self._gui.push_style_color(names.button, CHOSEN)
        self._gui.push_style_color(names.button_hovered, CHOSEN_HOVERED)
        self._button("Open photographs ...  (Ctrl+O)", OpenPhotographs(), half, LARGE)
        self._gui.same_line()
        self._button("Open a folder ...  (Ctrl+Shift+O)", OpenFolder(), half, LARGE)
        self._gui.pop_style_color(2)
        self._gui.text_colored(DIM, "or drop photographs and folders on this window")

    def _folders(self, page: Page) -> None:
        if page.told:
            self._gui.push_style_color(self._gui.Col_.text, WARNING)
            self._gui.text_wrapped(page.told)
            self._gui.pop_style_color()
        folders = (page.inside or page.recent)[:SHOWN]
        if not folders:
            return
        self._title("Folders with photographs inside it" if page.inside else "Recent folders")
        half = (self._gui.get_content_region_avail().x - 0.3 * self._em) / 2
        for n, folder in enumerate(folders):
            self._button(called(folder, round(half / self._em / 0.56) - 2), Show((folder,)), half, name=f"folder {n}")
            if n % 2 == 0 and n < len(folders) - 1:
                self._gui.same_line()
        if not page.inside:
            self._button("Forget these folders", ForgetFolders(), 12 * self._em)

    def _examples(self) -> None:
        self._title("No photographs at hand?")
        half = (self._gui.get_content_region_avail().x - 0.3 * self._em) / 2
        self._button("The example photograph", Example(lesson=False), half)
        self._gui.same_line()
        self._button("A short lesson", Example(lesson=True), half)

    def _headset(self, page: Page) -> None:
        self._title("Headset")
        self._gui.text_wrapped(page.headset)
        if page.worn:
            self._button("Start in the headset", WearHeadset(), 16 * self._em)
        elif not page.asking:
            self._button("Look for a headset again", LookForHeadset(), 16 * self._em)

    def _title(self, words: str) -> None:
        self._gui.dummy((0, 0.4 * self._em))
        self._gui.text_colored(DIM, words)

    def _button(self, words: str, choice: Choice, wide: float, high: float = 0.0, name: str = "") -> None:
        gui, name = self._gui, name or words
        if gui.button(f"{words}##{name}", (wide, high * self._em)):
            self._chosen.append(choice)
        low, up = gui.get_item_rect_min(), gui.get_item_rect_max()
        self._targets[name] = (low.x + up.x) / 2, (low.y + up.y) / 2


def called(folder: Path, letters: int) -> str:
    """Return a folder's path in at most so many letters: the end tells most."""
    try:
        path = str("~" / folder.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        path = str(folder)
    path = printable(path).replace("##", "# #")  # imgui shows nothing from these signs on
    return path if len(path) <= letters else f"... {path[-max(4, letters - 4) :]}"
