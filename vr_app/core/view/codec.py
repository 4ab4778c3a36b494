"""Intents as JSON and back: one codec for all of them, derived from the types and bounds of their fields.

An intent is an object that names its kind beside its fields: {"intent": "Zoom", "image": 0, "anchor": [0.5, 0.5],
"log2_delta": 1.0}. Writing checks the bounds as reading does, so that everything written can be read.

No library is used: one of this kind tells the members of a union apart only if they are classes of its own, and takes a
tenth of a second to import.
"""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from sr_core.errors import UserError
from vr_app.core.view.bounds import Within
from vr_app.core.view.intent import Intent

MOST_CHARACTERS = 16_384
"""The longest JSON of an intent: four times what the longest note takes."""

ANY = Within(-sys.float_info.max, sys.float_info.max)
"""Any finite number."""

KIND = "intent"
"""The field that names the kind."""

KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(Intent)}
"""Every intent's class, by its name."""


class IntentError(UserError):
    """Data that is not an intent. The message names the kind, the field, what is wrong there, and what is allowed."""


def encode(intent: Intent) -> str:
    """Return the intent's JSON, one line of ASCII. Raises IntentError if a value is out of bounds."""
    kind = type(intent).__name__
    plain = {KIND: kind, **_plain(intent)}
    decoded(plain)
    return json.dumps(plain, allow_nan=False)


def decode(text: str) -> Intent:
    """Return the intent that `encode` wrote. Raises IntentError for anything else."""
    if len(text) > MOST_CHARACTERS:
        raise IntentError(f"an intent of {len(text)} characters: at most {MOST_CHARACTERS} are read")
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise IntentError(f"not an intent: not JSON ({error})") from None
    return decoded(data)


def decoded(data: Any) -> Intent:
    """Return the intent that plain JSON values describe. Raises IntentError."""
    if not isinstance(data, dict) or not isinstance(data.get(KIND), str):
        raise IntentError(f'not an intent: it must be an object with "{KIND}", the name of its kind')
    kind = KINDS.get(data[KIND])
    if kind is None:
        raise IntentError(f"{data[KIND][:40]!r}: no such intent; there are {', '.join(KINDS)}")
    return _record(kind, {name: value for name, value in data.items() if name != KIND}, data[KIND])


def _plain(value: Any) -> Any:
    """Return a value in JSON's types: objects, lists, numbers, texts, true, false and null."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _read(kind: Any, data: Any, where: str) -> Any:
    """Read `data` as a value of a type, which may be annotated with its bounds. `where`: intent and field, for
    errors."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        (within,) = (part for part in parts[1:] if isinstance(part, Within))
        return _bounded(parts[0], within, data, where)
    if origin in (Union, UnionType):
        (other,) = (part for part in parts if part is not NoneType)
        return None if data is None else _read(other, data, where)
    if origin is Literal:
        whole = isinstance(data, int) and not isinstance(data, bool)
        return data if whole and data in parts else _refuse(where, f"one of {', '.join(map(str, parts))}", data)
    if origin is tuple:
        if not isinstance(data, list) or len(data) != len(parts):
            _refuse(where, f"a list of {len(parts)}", data)
        return tuple(_read(part, item, f"{where}[{i}]") for i, (part, item) in enumerate(zip(parts, data, strict=True)))
    if kind is float:  # in a pose, which checks itself
        return _bounded(float, ANY, data, where)
    if kind is bool:
        return data if isinstance(data, bool) else _refuse(where, "true or false", data)
    if issubclass(kind, Enum):
        known = {member.value: member for member in kind}
        member = known.get(data) if isinstance(data, str) else None
        return member or _refuse(where, f"one of {', '.join(known)}", data)
    return _record(kind, data, where)


def _bounded(kind: type, within: Within, data: Any, where: str) -> Any:
    """Read a number or a text within its bounds."""
    if kind is str:
        fits = isinstance(data, str) and within.low <= len(data) <= within.high
        return data if fits else _refuse(where, f"a text of {within.low:.0f} to {within.high:.0f} characters", data)
    whole = kind is int
    number = isinstance(data, int if whole else int | float) and not isinstance(data, bool)
    if number and within.low <= data <= within.high:
        return kind(data)
    return _refuse(where, f"a {'whole ' * whole}number from {within.low:.9g} to {within.high:.9g}", data)


def _record(kind: type, data: Any, where: str) -> Any:
    """Read a dataclass from an object with its fields."""
    if not isinstance(data, dict):
        _refuse(where, "an object", data)
    types = _types(kind)
    unknown = sorted(set(data) - set(types))
    if unknown:
        raise IntentError(f"{where}: unknown field {unknown[0][:40]!r}; it has {', '.join(types) or 'no fields'}")
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.name not in data]
    if needed:
        raise IntentError(f"{where}: {needed[0]} is missing")
    value = kind(**{name: _read(types[name], part, f"{where}: {name}") for name, part in data.items()})
    if not getattr(value, "sound", True):
        _refuse(where, "a pose: an orientation that is not zero", data)
    return value


@cache
def _types(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a field appears twice")
    return dict(pairs)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _refuse(where: str, wanted: str, data: Any) -> Any:
    told = repr(data)
    raise IntentError(f"{where} must be {wanted}, not {told if len(told) <= 60 else told[:57] + '...'}")
