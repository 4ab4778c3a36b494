"""The start page of a window: the user chooses what to look at before any session begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sr_core.errors import UserError
from sr_core.image.folder import folders_with_photographs
from vr_app.core.hands.keys import MEANINGS
from vr_app.core.hands.sample import PRESSED, ControllerSample
from vr_app.core.panel.pointer import Pointer
from vr_app.core.panel.stand import window_em
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import OpenFolder, OpenPhotographs
from vr_app.core.view.layout import PANEL_DISTANCE
from vr_app.core.view.view import ViewState
from vr_app.files.recent import forget_folders, recent_folders
from vr_app.fonts import all_fonts
from vr_app.gl.sheet import SheetPicture
from vr_app.runtime.interface import Frame, Runtime
from vr_app.ui.imgui import InterfaceError
from vr_app.ui.start import Choice, Example, ForgetFolders, LookForHeadset, Page, Show, StartInterface, WearHeadset
from vr_app.viewer.opening import Opening, Wish, wish_for
from vr_app.xr.probe import ProbeResult, Probing

KEYS = {
    "tab": "tab", "left": "left_arrow", "right": "right_arrow", "up": "up_arrow", "down": "down_arrow",
    "enter": "enter", "kp_enter": "enter", "space": "space",
}  # fmt: skip
"""imgui's names of the keys that move on the page."""

SETTLES = 8
"""Drawings after the last event until the page stands still."""


@dataclass(frozen=True)
class Begun:
    """What the user has chosen: photographs; the bundled photograph (`example`), with the tour (`lesson`); or to go on
    in the headset."""

    wish: Wish | None = None
    example: bool = False
    lesson: bool = False
    headset: bool = False


def ask(runtime: Runtime, say: Callable[[str], None]) -> Begun | None:
    """Show the start page until the user has chosen; None: they have closed the window. The caller owns the runtime.
    `say` tells in the terminal too why something cannot be opened.

    Without imgui there is no page, and the bundled photograph is chosen.
    """
    with ExitStack() as stack:
        try:
            page = StartPage(stack, say)
        except InterfaceError:
            return Begun(example=True)
        runtime.entitle("Open photographs")
        while page.begun is None and runtime.poll_events():
            with runtime.frame() as frame:
                page.frame(frame, runtime.read(frame.time))
            page.see(runtime.take_dropped())
        return page.begun


class StartPage:
    """The page from frame to frame. `begun`: what was chosen, once something was."""

    def __init__(self, stack: ExitStack, say: Callable[[str], None]) -> None:
        """`stack` closes everything. `say`: as for `ask`. Raises InterfaceError if imgui cannot be loaded."""
        self.begun: Begun | None = None
        self._say = say
        self._interface = StartInterface(all_fonts())
        stack.callback(self._interface.close)
        self._opening = Opening(Path.cwd())
        stack.callback(self._opening.close)
        self._picture: SheetPicture | None = None
        stack.callback(self._drop_picture)
        self._size = (0, 0)
        self._probing: Probing | None = None
        stack.callback(self._stop_probing)
        self._page = Page(recent_folders())
        self._shown: tuple = ()
        self._settling = SETTLES
        self._look_for_headset()

    def frame(self, frame: Frame, sample: ControllerSample) -> None:
        """Draw the page into a frame, if anything has changed, and take what is chosen."""
        self._take_probe()
        for key in sample.keys:
            if (meaning := MEANINGS.get(key)) is not None:
                intent = meaning(ViewState.start(1))
                if isinstance(intent, OpenPhotographs | OpenFolder):
                    self._choose(intent)
        # Imgui takes one change of a key at each drawing, and keeps the rest for the next ones.
        keys = tuple((KEYS[key], down) for key in sample.keys if key in KEYS for down in (True, False))
        if frame.desk is None:
            return
        pointer = _pointer(sample, frame.desk)
        shown = self._page, frame.desk.size, pointer
        changed = shown != self._shown or bool(keys) or not frame.keeps
        self._settling = max(self._settling - 1, SETTLES if changed else 0) + len(keys)
        self._shown = shown
        if self._settling == 0:
            frame.repeat()
            return
        self._draw(frame, frame.desk.size, pointer, keys)

    def see(self, dropped: Sequence[Path]) -> None:
        """Follow the dialog, and what was dropped."""
        told = self._opening.see(dropped)
        if self._opening.wish is not None:
            self.begun = Begun(self._opening.wish)
        elif told:
            self._trouble(told, dropped)

    def _draw(
        self, frame: Frame, size: tuple[int, int], pointer: Pointer | None, keys: Sequence[tuple[str, bool]]
    ) -> None:
        if self._picture is None or size != self._size:
            self._drop_picture()
            self._picture, self._size = SheetPicture(size), size
        chosen, drawn = self._interface.draw(self._page, window_em(size[1]), size, pointer, keys)
        self._picture.paint(drawn)
        for _, target in frame.targets():
            self._picture.copy_to(target)
        for choice in chosen:
            self._choose(choice)

    def _choose(self, choice: Choice) -> None:
        match choice:
            case OpenPhotographs() | OpenFolder():
                self._page = replace(self._page, told=self._opening.ask(folder=isinstance(choice, OpenFolder)))
            case Show(paths):
                try:
                    self.begun = Begun(wish_for(paths))
                except UserError as error:
                    self._trouble(str(error), paths)
            case Example(lesson):
                self.begun = Begun(example=True, lesson=lesson)
            case WearHeadset():
                self.begun = Begun(headset=True)
            case LookForHeadset():
                self._look_for_headset()
            case ForgetFolders():
                forget_folders()
                self._page = replace(self._page, recent=())

    def _trouble(self, told: str, named: Sequence[Path]) -> None:
        """Say why nothing was opened, and offer the folders inside one that has no photographs itself."""
        inside: tuple[Path, ...] = ()
        if len(named) == 1 and named[0].is_dir():
            try:
                inside = folders_with_photographs(named[0])
            except OSError:  # then `told` says so
                inside = ()
        self._page = replace(self._page, told=told, inside=inside)
        self._say(told)

    def _look_for_headset(self) -> None:
        self._probing = Probing()
        self._page = replace(self._page, headset="Looking for a headset ...", asking=True, worn=False)

    def _take_probe(self) -> None:
        found = self._probing.result() if self._probing is not None else None
        if found is not None:
            self._stop_probing()
            self._page = replace(self._page, headset=headset_line(found), asking=False, worn=found.available)

    def _stop_probing(self) -> None:
        if self._probing is not None:
            self._probing.close()
            self._probing = None

    def _drop_picture(self) -> None:
        if self._picture is not None:
            self._picture.close()
            self._picture = None


def headset_line(found: ProbeResult) -> str:
    """Return what was found out about a headset in one line, with the cure if something is missing."""
    if found.available:
        return f"{found.system} answers ({found.runtime})."
    if not found.runtime:
        return f"No headset found: {found.problem}"
    return f"No headset found: {found.problem}; connect it and start its runtime"


def _pointer(sample: ControllerSample, desk: Desk) -> Pointer | None:
    """Return where the mouse points, in the window's pixels."""
    hand = sample.hands[0] if sample.hands else None
    if hand is None or hand.aim is None:
        return None
    x, y, z = hand.aim.direction
    at = desk.place((x / -z * PANEL_DISTANCE, y / -z * PANEL_DISTANCE))
    return Pointer(0, at, hand.trigger >= PRESSED)
