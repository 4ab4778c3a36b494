"""The table of keys: what each means, what documents and help say of it, and layouts that print other letters."""

from __future__ import annotations

import re

import pytest

from tests.helpers.places import ROOT
from vr_app.core.hands.keys import BINDINGS, BOUND, HELP_LINE, MEANINGS, docs_table, help_lines, key_named, meant
from vr_app.core.view.appearance import Channel
from vr_app.core.view.intent import ShowHelp, ShowRoom, ToggleControlPanel
from vr_app.core.view.pair import Compare
from vr_app.core.view.step import step
from vr_app.core.view.view import ViewState

US = "1234567890-=qwertyuiop[]asdfghjkl;'\\`zxcvbnm,./"
LAYOUTS = {
    "Russian": "1234567890-=йцукенгшщзхъфывапролджэ\\ёячсмитьбю.",
    "Greek": "1234567890-=;ςερτυθιοπ[]ασδφγηξκλ΄'\\`ζχψωβνμ,./",
    "French": "&é\"'(-è_çà)=azertyuiop^$qsdfghjklmù*²wxcvbn,;:!",
    "German": "1234567890ß´qwertzuiopü+asdfghjklöä#^yxcvbnm,.-",
}
"""What the keys of US type in other layouts, key by key."""


def named(layout: str, place: str, shift: bool = False) -> str:
    printed = LAYOUTS[layout]
    return key_named(printed[US.index(place)], place, set(printed), shift)


def test_no_key_means_two_things():
    keys = [key for row in BINDINGS for key in row.keys]
    assert len(keys) == len(set(keys)) == len(BOUND)


def test_the_documents_have_the_table():
    text = (ROOT / "docs" / "viewer.md").read_text()
    section = text.split("## Keys and mouse in the window\n\n")[1].split("\n\n")[0]
    assert section == docs_table(), "write it anew: .venv/bin/python scripts/write_keys.py"


def test_the_help_tells_every_key_in_lines_that_fit():
    lines = help_lines()
    assert max(map(len, lines)) <= HELP_LINE
    told = re.findall(r"(?:^|     )([^:]+):", "\n".join(lines), re.MULTILINE)
    without = {"button held outside the photographs", "`M`"}
    assert told == [row.heading.replace("`", "") for row in BINDINGS if row.docs and row.heading not in without]


def test_every_key_asks_for_something_whatever_is_shown():
    for key in MEANINGS:
        for view in (ViewState.start(1), ViewState.start(3)):
            (intent,) = meant((key,), view)
            assert isinstance(step(view, (intent,), 0.0), ViewState)
    assert meant(("#", "", "ctrl+q", "f11"), ViewState.start(1)) == ()


def test_keys_of_one_frame_follow_each_other():
    view = ViewState.start(2)
    after = step(view, meant(("g", ".", ".", "g"), view), 0.0)
    assert after.appearance.contrast == pytest.approx(2**0.5, abs=1e-3)
    assert after.appearance.channel is list(Channel)[2]
    assert meant(("h", "h", "f"), view) == (ShowHelp(True), ShowHelp(False), ShowRoom(True))
    assert meant(("space",), view) == (ToggleControlPanel(),)
    assert [intent.compare for intent in meant(("c", "c"), view)] == [Compare.SIDE, Compare.SIDE]  # none is loaded


@pytest.mark.parametrize("layout", ["Russian", "Greek"])
def test_keys_without_a_latin_letter_count_by_their_place(layout):
    for key in "solnckuijtxebvgdaprfzhym0123456789":
        assert named(layout, key) == key
    assert named(layout, "-") == "-"


def test_of_a_french_keyboard_letters_count_as_printed_and_digits_by_their_place():
    for place, printed in {"q": "a", "w": "z", "a": "q", "z": "w", "s": "s", ";": "m"}.items():
        assert named("French", place) == printed
    assert named("French", "m") == ","  # the M is elsewhere
    for digit in "12345789":
        assert named("French", digit) == named("French", digit, shift=True) == digit
    assert named("French", "6") == "-"  # as printed
    assert named("French", "6", shift=True) == "6"
    assert named("French", "=") == "="


def test_of_a_german_keyboard_letters_count_as_printed():
    assert named("German", "y") == "z"
    assert named("German", "z") == "y"
    assert named("German", "]") == "+"
    assert named("German", "/") == "-"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_row_of_the_help_can_be_pressed_on_every_keyboard(layout):
    found = {named(layout, place, shift) for place in US for shift in (False, True)}
    rows = [row for row in BINDINGS if any(len(key) == 1 for key in row.keys)]
    assert len(rows) > 30
    assert [row.heading for row in rows if found.isdisjoint(row.keys)] == []


def test_of_a_us_keyboard_every_key_is_what_it_prints():
    assert all(key_named(sign, sign, set(US), shift) == sign for sign in US for shift in (False, True))
