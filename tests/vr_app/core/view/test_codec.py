"""Intents as JSON and back: every one of them, within bounds and beyond, and what none can do to a view."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_app.core.space.pose import Pose
from vr_app.core.view.appearance import Appearance, Channel
from vr_app.core.view.bounds import Within
from vr_app.core.view.codec import KINDS, MOST_CHARACTERS, IntentError, _types, decode, encode
from vr_app.core.view.intent import (
    Adjust,
    ComputeWith,
    GoToRegion,
    Intent,
    Moved,
    MovePanel,
    NameRegion,
    NoteRegion,
    Pan,
    ShowDraft,
    ShowLayout,
    TakeScreenshot,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Draft, Kind
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState

INFO = PhotographRecord("disc.png", (400, 300), (200.0, 150.0), 150.0, "ab" * 32)


def of(kind: Any) -> st.SearchStrategy:
    """Values of a type within its bounds."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        (within,) = (part for part in parts[1:] if isinstance(part, Within))
        if parts[0] is str:
            return st.text(min_size=int(within.low), max_size=int(within.high))
        numbers = st.integers if parts[0] is int else st.floats
        return numbers(within.low, within.high) | numbers(within.low, min(within.high, within.low + 3))
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if part is NoneType else of(part) for part in parts))
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        return st.tuples(*map(of, parts))
    if kind is float:
        return st.floats(-1000, 1000)
    if kind is bool:
        return st.booleans()
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return st.builds(kind, **{name: of(part) for name, part in _types(kind).items()}).filter(
        lambda value: getattr(value, "sound", True)
    )


intents = st.one_of(*(of(kind) for kind in KINDS.values()))
photographs = st.lists(st.booleans(), min_size=1, max_size=4)


def view_of(loaded: list[bool]) -> ViewState:
    view = ViewState.start(len(loaded))
    for index, there in enumerate(loaded):
        view = photograph_arrived(view, index, replace(INFO, sha256=f"{index:064x}")) if there else view
    return view


@given(intents)
def test_every_intent_comes_back_as_it_was(intent):
    assert decode(encode(intent)) == intent


@given(photographs, st.lists(intents, max_size=8))
def test_whatever_can_be_read_can_be_obeyed(loaded, asked):
    """Of whom ever it comes: no intent ends the session, whatever is shown."""
    view = view_of(loaded)
    for intent in asked:
        view = step(view, (decode(encode(intent)),), 0.01)
        assert 0 <= view.active < len(loaded)
        assert all(math.isfinite(part) for image in view.images for part in (*image.center, image.zoom))


def test_every_member_of_the_vocabulary_has_a_name_and_frozen_plain_fields():
    assert list(KINDS.values()) == list(get_args(Intent))
    for kind in KINDS.values():
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        assert "intent" not in {field.name for field in fields(kind)}


@pytest.mark.parametrize(
    ("intent", "text"),
    [
        (TakeScreenshot(), '{"intent": "TakeScreenshot"}'),
        (Zoom(1, (0.25, 0.5), -1.5), '{"intent": "Zoom", "image": 1, "anchor": [0.25, 0.5], "log2_delta": -1.5}'),
        (ShowLayout(Layout.WALL), '{"intent": "ShowLayout", "layout": "wall"}'),
        (NameRegion(), '{"intent": "NameRegion", "kind": null}'),
        (NameRegion(Kind.DISC), '{"intent": "NameRegion", "kind": "disc"}'),
        (ComputeWith("rdb-lite"), '{"intent": "ComputeWith", "model": "rdb-lite"}'),
        (
            ShowDraft(Draft(0, (0.1, 0.2), (0.3, 0.4))),
            '{"intent": "ShowDraft", "draft": {"image": 0, "start": [0.1, 0.2], "end": [0.3, 0.4]}}',
        ),
        (
            Adjust(Appearance(Channel.RED_FREE, gamma=2.0)),
            '{"intent": "Adjust", "appearance": {"channel": "red-free", "brightness": 0.0, "contrast": 1.0, '
            '"gamma": 2.0, "local": 0.0}, "continues": false}',
        ),
    ],
)
def test_the_form_is_the_one_that_is_documented(intent, text):
    assert encode(intent) == text
    assert decode(text) == intent


def test_what_has_a_default_may_be_left_out_and_whole_numbers_are_numbers():
    assert decode('{"intent": "NameRegion"}') == NameRegion()
    zoom = decode('{"intent": "Zoom", "image": 0, "anchor": [0, 1], "log2_delta": 1}')
    assert zoom == Zoom(0, (0.0, 1.0), 1.0)
    assert all(isinstance(part, float) for part in (*zoom.anchor, zoom.log2_delta))


REFUSED = {
    "not JSON": "{",
    "a list": "[]",
    "a number": "7",
    "no kind": '{"image": 0}',
    "a kind that is no name": '{"intent": 7}',
    "an unknown kind": '{"intent": "Format"}',
    "a class that is no intent": '{"intent": "Moved", "pose": {}}',
    "a field too many": '{"intent": "Undo", "deep": true}',
    "a field too few": '{"intent": "BringForward"}',
    "a field twice": '{"intent": "BringForward", "image": 0, "image": 1}',
    "a negative image": '{"intent": "BringForward", "image": -1}',
    "an image beyond all": '{"intent": "BringForward", "image": 100000}',
    "a broken number": '{"intent": "BringForward", "image": 0.5}',
    "true as a number": '{"intent": "BringForward", "image": true}',
    "a text as a number": '{"intent": "BringForward", "image": "0"}',
    "a number as a truth": '{"intent": "ShowRoom", "shown": 1}',
    "NaN": '{"intent": "SetFieldAngle", "degrees": NaN}',
    "infinity": '{"intent": "SetFieldAngle", "degrees": -Infinity}',
    "what becomes infinite": '{"intent": "SetFieldAngle", "degrees": 1e999}',
    "more digits than a float has": '{"intent": "SetFieldAngle", "degrees": 1' + "0" * 400 + "}",
    "more digits than are read": '{"intent": "SetFieldAngle", "degrees": 1' + "0" * 5000 + "}",
    "a narrow field": '{"intent": "SetFieldAngle", "degrees": 9.99}',
    "a point of one number": '{"intent": "Pan", "image": 0, "uv": [0.5], "s": [0, 0]}',
    "a point of three": '{"intent": "Pan", "image": 0, "uv": [0.5, 0.5, 0.5], "s": [0, 0]}',
    "an object as a point": '{"intent": "Pan", "image": 0, "uv": {"u": 0.5}, "s": [0, 0]}',
    "two steps at once": '{"intent": "NextImage", "by": 2}',
    "a step of true": '{"intent": "NextImage", "by": true}',
    "an unknown layout": '{"intent": "ShowLayout", "layout": "spiral"}',
    "a list as a layout": '{"intent": "ShowLayout", "layout": ["wall"]}',
    "null where something is needed": '{"intent": "ShowLayout", "layout": null}',
    "no orientation": '{"intent": "MovePanel", "image": 0, "moved": {"pose": {"orientation": [0, 0, 0, 0]}}}',
    "a panel out of the room": '{"intent": "MovePanel", "image": 0, "moved": {"pose": {"position": [0, 0, 2000]}}}',
    "a note too long": '{"intent": "NoteRegion", "note": "' + 501 * "n" + '"}',
    "too long": '{"intent": "NoteRegion", "note": "' + MOST_CHARACTERS * "n" + '"}',
    "too deep": '{"intent": "Pan", "image": ' + 5000 * "[" + 5000 * "]" + "}",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_intent_is_refused_in_a_line(what):
    with pytest.raises(IntentError) as refused:
        decode(REFUSED[what])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_refusals_name_intent_field_and_bounds():
    for text, message in (
        (
            '{"intent": "BringForward", "image": -1}',
            "BringForward: image must be a whole number from 0 to 99999, not",
        ),
        ('{"intent": "Pan", "image": 0, "uv": [0, "x"], "s": [0, 0]}', "Pan: uv[1] must be a number from -1000000 to"),
        ('{"intent": "ShowLayout", "layout": "spiral"}', "must be one of one, pair, row, wall, retina, not 'spiral'"),
        ('{"intent": "Pick", "image": 0, "hand": 1}', "Pick: unknown field 'hand'; it has image"),
        ('{"intent": "Pick"}', "Pick: image is missing"),
    ):
        with pytest.raises(IntentError) as refused:
            decode(text)
        assert message in str(refused.value)


@pytest.mark.parametrize(
    "intent",
    [
        Pan(0, (math.nan, 0.5), (0.0, 0.0)),
        Zoom(0, (0.5, 0.5), math.inf),
        Zoom(-1, (0.5, 0.5), 1.0),
        Zoom(0, (0.5, 0.5), 1000.0),
        MovePanel(0, Moved(Pose(orientation=(0.0, 0.0, 0.0, 0.0)))),
        NoteRegion("n" * 501),
        GoToRegion(0),
    ],
)
def test_what_could_not_be_read_is_not_written(intent):
    with pytest.raises(IntentError):
        encode(intent)


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.floats() | st.text(max_size=8), max_size=4))
def test_nothing_else_comes_of_any_json(data):
    for kind in ("Zoom", "Adjust", "MovePanel", "NameRegion"):
        try:
            intent = decode(json.dumps({**data, "intent": kind}))
        except IntentError:
            continue
        assert isinstance(intent, Intent)
