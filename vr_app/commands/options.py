"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sr_core.errors import UserError
from sr_core.files import OutputError, check_writable
from sr_core.image.photograph import read_entries


class Device(StrEnum):
    """What computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DeviceOption = Annotated[Device, typer.Option(help="What computes; auto: CUDA if there is one.")]
ModelOption = Annotated[str, typer.Option(help="Network by name; `fundusxr doctor` lists the installed ones.")]
TextureOption = Annotated[
    float | None,
    typer.Option(
        help="From fidelity (0) to likely texture (1): blends the weights of both stages.",
        metavar="0..1",
        show_default="the model as named",
    ),
]


def make_folder(out: Path) -> None:
    """Make a folder that results go to, unless it is there. Raises UserError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be made ({error.strerror}); choose another folder") from None


def check_picture(path: Path, suffixes: tuple[str, ...] = (".png",), inputs: Iterable[Path] = ()) -> None:
    """Raise OutputError if a picture cannot be written to `path`, or would replace an input or anything that this
    program has not made: a photograph, say."""
    check_writable(path, suffixes, inputs)
    if _holds_something(path) and not any(key.startswith("fundusxr:") for key in read_entries(path)):
        raise OutputError(f"{path}: exists, but this program did not make it; move it or name another file")


def check_figures(path: Path, key: str, suffixes: tuple[str, ...] = (), inputs: Iterable[Path] = ()) -> None:
    """Raise OutputError if a JSON object with this `key` cannot be written to `path`, or would replace an input or
    anything that is no such object: regions or a tour, say."""
    check_writable(path, suffixes, inputs)
    if _holds_something(path) and not _has_key(path, key):
        raise OutputError(f"{path}: exists, but this command did not write it; move it or name another file")


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _has_key(path: Path, key: str) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and key in found
