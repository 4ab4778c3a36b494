"""The rows of the control panel in imgui: titles, buttons, sliders, thumbnails, text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vr_app.core.panel.triangles import THUMBNAILS, THUMBNAILS_ACROSS
from vr_app.ui.contents import (
    PAGES,
    Buttons,
    Choice,
    Event,
    Field,
    Gallery,
    PanelState,
    Picture,
    Place,
    Row,
    Slider,
    Turn,
    Words,
    moved,
    written,
)
from vr_app.ui.style import (
    BRIGHT,
    CHOSEN,
    CHOSEN_HOVERED,
    DIM,
    HIGH_ROW,
    HOVERED,
    PLAIN,
    TEXT,
    TITLE_WIDE,
    VALUE_WIDE,
    WARNING,
    WIDE,
)


class Widgets:
    """Draws rows into imgui's current window, one frame after another. `gui`: the module.

    `events`: this frame's events; `targets`: the positions of its controls, in texels, by their labels.
    """

    def __init__(self, gui: Any) -> None:
        self._gui = gui
        self._em = 0
        self._turned: dict[str, float] = {}
        """The values of sliders that report only when released."""
        self._moving = ""
        """The title of the slider that has been moved and is still held."""
        self.focus = ""
        """The title of the field that the next frame gets ready to be typed into."""
        self.awaits = 0
        """The frames that this may still take."""
        self.writes = self.wrote = False
        """Whether a field is being typed into, and whether that has just ended."""
        self.events: list[Event] = []
        self.targets: dict[str, tuple[float, float]] = {}

    def begin(self, em: int) -> None:
        """Begin a new frame, with `em` texels per em and no events yet."""
        self._em = em
        self.events, self.targets = [], {}
        self.awaits = max(0, self.awaits - 1)
        self.writes = self.wrote = False

    def head(self, place: Place) -> None:
        """Draw the pages' names, and the button that closes the panel."""
        gui = self._gui
        closing = 2.0 * self._em
        wide = (gui.get_content_region_avail().x - closing - 0.3 * self._em * len(PAGES)) / len(PAGES)
        for number, page in enumerate(PAGES):
            gui.push_style_var(gui.StyleVar_.frame_padding, (0.0, gui.get_style().frame_padding.y))
            self._button(page, page, (wide, 0), Turn(Place(True, number, place.gallery)), number == place.page)
            gui.pop_style_var()
            gui.same_line()
        self._button("×", "close", (closing, 0), Turn(Place(False, place.page, place.gallery)), False)
        gui.dummy((0, 0.15 * self._em))

    def row(self, row: Row, state: PanelState) -> None:
        """Draw one row of a page of `state`."""
        gui = self._gui
        match row:
            case Choice(title, options, chosen):
                self._title(title)
                self._buttons([(word, f"{title}: {word}", event) for word, event in options], chosen)
            case Buttons(buttons, chosen):
                beside = _beside(buttons)
                for at in range(0, len(buttons), beside):
                    self._buttons([(word, word, event) for word, event in buttons[at : at + beside]], chosen - at)
            case Slider():
                self._slider(row, state)
            case Field():
                self._field(row)
            case Gallery(pictures):
                self._gallery(pictures)
            case Words(lines, warns):
                gui.push_style_color(gui.Col_.text, WARNING if warns else TEXT)
                for line in lines:
                    gui.text_wrapped(line) if line else gui.dummy((0, 0.4 * self._em))
                gui.pop_style_color()

    def _title(self, title: str) -> None:
        gui = self._gui
        gui.align_text_to_frame_padding()
        gui.text_colored(DIM, title)
        gui.same_line(TITLE_WIDE * self._em)

    def _buttons(self, buttons: Sequence[tuple[str, str, Event]], chosen: int) -> None:
        """Draw label, name and event of each button, in rows as wide as the panel."""
        count, gap = len(buttons), 0.3 * self._em
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
            self.events.append(event)
        gui.pop_style_color(3)
        self._note(name)

    def _slider(self, row: Slider, state: PanelState) -> None:
        gui = self._gui
        self._title(row.title)
        gui.set_next_item_width(-VALUE_WIDE * self._em)
        value = self._turned.get(row.title, row.value)
        told = row.told if row.title not in self._turned else f"{value:.2f}"
        flags = gui.SliderFlags_.logarithmic if row.logarithmic else 0
        changed, value = gui.slider_float(f"##{row.title}", value, *row.limits, "", flags)
        held = gui.is_item_active()  # of the slider: the text beside it is an item too
        self._note(row.title)
        gui.same_line(gui.get_window_width() - 0.55 * self._em - gui.calc_text_size(told).x)
        gui.text(told)
        if not row.when_let_go:
            if changed:
                self.events.append(moved(row.title, value, state, continues=self._moving == row.title))
                self._moving = row.title
            if self._moving == row.title and not held:
                self._moving = ""
            return
        if held:
            self._turned[row.title] = value
        elif row.title in self._turned:
            self.events.append(moved(row.title, self._turned.pop(row.title), state))

    def _field(self, row: Field) -> None:
        """A field whose text counts once it is left: as typed, or with Escape as it was."""
        gui = self._gui
        self._title(row.title)
        gui.set_next_item_width(-1)
        if self.focus == row.title:
            gui.set_keyboard_focus_here()
            self.focus = ""
        _, text = gui.input_text(f"##{row.title}", row.text)
        self.writes, self.wrote = gui.is_item_active(), gui.is_item_deactivated()
        self.awaits = 0 if self.writes else self.awaits
        self._note(row.title)
        if gui.is_item_deactivated_after_edit() and text != row.text:
            self.events.append(written(text))

    def _gallery(self, pictures: Sequence[Picture]) -> None:
        gui, em = self._gui, self._em
        edge = (gui.get_content_region_avail().x - 0.6 * em) / 3
        pen = gui.get_window_draw_list()
        for number, picture in enumerate(pictures):
            corner = gui.get_cursor_screen_pos()
            self._button("", f"image {picture.event.image}", (edge, edge + 1.5 * em), picture.event, picture.chosen)
            x, y = corner.x + 0.35 * em, corner.y + 0.35 * em
            inner = edge - 0.7 * em
            if picture.extent is not None:
                self._thumbnail(pen, picture.event.image, picture.extent, (x, y), inner)
            wide = gui.calc_text_size(picture.name).x
            at = corner.x + max(0.2 * em, (edge - wide) / 2), corner.y + edge
            pen.push_clip_rect((corner.x, corner.y), (corner.x + edge, corner.y + edge + 1.5 * em), True)
            pen.add_text(at, gui.color_convert_float4_to_u32(BRIGHT if picture.chosen else TEXT), picture.name)
            pen.pop_clip_rect()
            if (number + 1) % 3 and number < len(pictures) - 1:
                gui.same_line()

    def _thumbnail(
        self, pen: Any, image: int, extent: tuple[float, float], corner: tuple[float, float], edge: float
    ) -> None:
        """Draw the thumbnail as large as fits, centred in its square."""
        row, column = divmod(image % THUMBNAILS_ACROSS**2, THUMBNAILS_ACROSS)
        across, down = extent
        most = max(across, down)
        wide, high = edge * across / most, edge * down / most
        x, y = corner[0] + (edge - wide) / 2, corner[1] + (edge - high) / 2
        u, v = column / THUMBNAILS_ACROSS, row / THUMBNAILS_ACROSS
        pen.add_image(
            self._gui.ImTextureRef(THUMBNAILS), (x, y), (x + wide, y + high),
            (u, v), (u + across / THUMBNAILS_ACROSS, v + down / THUMBNAILS_ACROSS),
        )  # fmt: skip

    def handle(self, place: Place, size: tuple[int, int]) -> None:
        """Draw the closed panel's handle, `size` texels: three bars, which together are a button."""
        gui = self._gui
        gui.set_cursor_pos((0, 0))
        self._button("", "open", size, Turn(Place(True, place.page, place.gallery)), False)
        pen, colour = gui.get_window_draw_list(), gui.color_convert_float4_to_u32(TEXT)
        edge = size[0]
        for row in (0.34, 0.5, 0.66):
            pen.add_line((0.28 * edge, row * edge), (0.72 * edge, row * edge), colour, max(1.0, 0.06 * edge))

    def _note(self, name: str) -> None:
        """Remember the position of the last control."""
        low, high = self._gui.get_item_rect_min(), self._gui.get_item_rect_max()
        self.targets[name] = (low.x + high.x) / 2, (low.y + high.y) / 2


def height(row: Row) -> float:
    """Return the em that a row takes, with the gap below it."""
    match row:
        case Buttons(buttons):
            return HIGH_ROW * -(-len(buttons) // _beside(buttons))
        case Gallery(pictures):
            return (WIDE / 3 + 1.5) * max(1, -(-len(pictures) // 3))
        case Words(lines):
            return 1.4 * len(lines)
    return HIGH_ROW


def _beside(buttons: Sequence[tuple[str, Event]]) -> int:
    """Return the number of buttons per row."""
    return 2 if len(buttons) in (2, 4) else 3
