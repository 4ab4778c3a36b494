"""Regions of interest on disk: one file per folder of photographs, beside them or in the user's state directory.

A file that is invalid, or from a newer version, is set aside and reported, never overwritten. A session reads and
writes on a separate thread: a disk may take longer than a frame.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sr_core.errors import UserError
from sr_core.files import LONGEST_NAME, OutputError, write_text
from sr_core.image.geometry import Rect
from vr_app.core.view.bounds import MOST_NOTE
from vr_app.core.view.region import (
    Given,
    Kind,
    Photographs,
    Region,
    Regions,
    image_of,
    numbered,
    with_given,
)
from vr_app.files.state_folder import set_aside, state_folder

NAME = "fundusxr-regions.json"
VERSION = 1

MOST_BYTES = 20_000_000
"""In bytes: about a hundred thousand regions."""

MOST_NAME = 4 * LONGEST_NAME
"""The most characters of a file's name when bytes that are not text are written as escapes."""

MOST_NUMBER = 10**9

SIDE_LIMIT = 1 << 24
"""In pixels: no photograph is that wide."""


class RegionFileError(UserError):
    """A regions file that cannot be used: its name, the cause, what was done with it."""


def places(folder: Path) -> tuple[Path, Path]:
    """Return where a folder's regions may be: beside the photographs, or, if that is not writable, in the user's state
    directory."""
    folder = folder.absolute()
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
    return folder / NAME, state_folder("regions") / f"{key}.json"


@dataclass(frozen=True)
class Kept:
    """What is saved for a folder's photographs: their regions, each with its number; the numbers assigned so far; and
    what the user should know about files set aside."""

    regions: tuple[Region, ...] = ()
    given: Given = ()
    told: tuple[str, ...] = ()


def read_kept(folder: Path) -> Kept:
    """Read from both places."""
    found: dict[Region, Region] = {}
    given: Given = ()
    told: list[str] = []
    for path in places(folder):
        try:
            regions, more = _read(path)
        except RegionFileError as error:
            told.append(str(error))
            continue
        found = {region: region for region in regions} | found
        given = with_given(given, regions, more)
    regions = numbered(found.values(), given)
    return Kept(regions, with_given(given, regions), tuple(told))


def read_regions(folder: Path) -> tuple[tuple[Region, ...], tuple[str, ...]]:
    """Read a folder's regions; return them and what the user should know."""
    kept = read_kept(folder)
    return kept.regions, kept.told


def _read(path: Path) -> tuple[tuple[Region, ...], Given]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"larger than {MOST_BYTES // 10**6} MB")
        return _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return (), ()
    except NotADirectoryError:
        return (), ()
    except OSError as error:
        raise RegionFileError(f"{path}: regions cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, RecursionError) as error:
        cause = str(error) or type(error).__name__
        raise RegionFileError(f"{path}: {cause}; {_set_aside(path)}") from None


def _set_aside(path: Path) -> str:
    """Set a bad file aside; say what was done with it."""
    try:
        return f"kept as {set_aside(path).name}; its regions are not shown"
    except OSError:
        return "left as it is; its regions are not shown"


def parse_regions(text: str) -> tuple[Region, ...]:
    """Return the regions in a file's JSON text. Raises ValueError with the cause, in a few words."""
    return _parse(text)[0]


def _parse(text: str) -> tuple[tuple[Region, ...], Given]:
    """Return the regions, and the numbers assigned so far."""
    try:
        told = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError("not a file of regions (not JSON)") from None
    if not isinstance(told, dict) or not isinstance(told.get("version"), int) or isinstance(told["version"], bool):
        raise ValueError("not a file of regions (no version)")
    if told["version"] != VERSION:
        age = "a newer" if told["version"] > VERSION else "an unknown"
        raise ValueError(f"regions of {age} version ({told['version']}; this program knows {VERSION})")
    if not isinstance(told.get("regions"), list):
        raise ValueError("damaged (no list of regions)")
    found = []
    for number, item in enumerate(told["regions"], start=1):
        try:
            found.append(_region(item))
        except (TypeError, KeyError, ValueError):
            raise ValueError(f"damaged (region {number})") from None
    given = told.get("given", {})
    if not isinstance(given, dict) or not all(_is_number(number) for number in given.values()):
        raise ValueError("damaged (numbers given)")
    return tuple(dict.fromkeys(found)), tuple(given.items())


def _is_number(told: object) -> bool:
    return type(told) is int and 0 < told <= MOST_NUMBER


def _region(item: dict) -> Region:
    x, y, w, h = item["rect"]
    sides = (x, y, w, h)
    if any(type(side) is not int for side in sides) or min(x, y) < 0 or min(w, h) < 1:
        raise ValueError
    if max(x + w, y + h) > SIDE_LIMIT:
        raise ValueError
    photograph = item["photograph"]
    if len(photograph) != 64 or set(photograph) - set("0123456789abcdef"):
        raise ValueError
    words = item["file"], item.get("note", ""), item.get("made", "")
    lengths = MOST_NAME, MOST_NOTE, MOST_NOTE
    if not all(isinstance(word, str) and len(word) <= most for word, most in zip(words, lengths, strict=True)):
        raise ValueError
    number = item.get("number", 0)
    if number != 0 and not _is_number(number):
        raise ValueError
    return Region(photograph, words[0], Rect(x, y, w, h), Kind(item["kind"]), words[1], words[2], number)


def format_regions(regions: Iterable[Region], given: Given = ()) -> str:
    """Return the JSON text that `parse_regions` reads. It includes those numbers in `given` that no region has any
    more."""
    regions = tuple(regions)
    has = dict(with_given((), regions))
    gone = {photograph: number for photograph, number in given if number > has.get(photograph, 0)}
    items = [
        {
            **({"number": region.number} if region.number else {}),
            "photograph": region.photograph,
            "file": region.file,
            "rect": [region.rect.x, region.rect.y, region.rect.w, region.rect.h],
            "kind": region.kind.value,
            "note": region.note,
            "made": region.made,
        }
        for region in regions
    ]
    told = {"version": VERSION, "regions": items, **({"given": gone} if gone else {})}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def save_changes(
    folder: Path, removed: Sequence[Region], added: Sequence[Region], given: Given = ()
) -> tuple[str, ...]:
    """Apply changes to a folder's saved regions, keeping what another session has written meanwhile. `given`: numbers
    that are not assigned again. Returns what the user should know; raises OutputError if neither place is writable."""
    kept = read_kept(folder)
    told, gone = kept.told, set(removed)
    given = with_given(kept.given, removed, given)
    regions = numbered(dict.fromkeys((*(region for region in kept.regions if region not in gone), *added)), given)
    beside, own = places(folder)
    for path in (beside, own):
        try:
            if path == own:
                if not (regions or own.exists()):
                    continue
                _make_private(own.parent)
            elif not regions and not beside.exists():
                continue
            write_text(path, format_regions(regions, given))
        except (OutputError, OSError):
            continue
        if path == beside and own.exists():
            _forget(own)
        return told
    if not regions:
        return told
    raise OutputError(f"{beside}: regions cannot be written, nor can {own}; make one of the folders writable")


def _make_private(folder: Path) -> None:
    """Keep the names of patients' photographs from other users."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _forget(path: Path) -> None:
    """Remove the copy in the user's own folder: it now lies beside the photographs."""
    path.unlink(missing_ok=True)


class RegionStore:
    """The regions of the photographs `paths`, by their index in the session. For the drawing thread: files are read and
    written one after the other on a separate thread."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._folders = tuple(path.parent for path in paths)
        self._saved: dict[Path, tuple[Region, ...]] = {}
        self._last: tuple[Region, ...] = ()
        self.given: Given = ()
        """The numbers assigned before, for photographs whose folders have been read."""
        self._told: list[str] = []
        self._disk = ThreadPoolExecutor(1, "regions")
        self._kept = {folder: self._disk.submit(read_kept, folder) for folder in dict.fromkeys(self._folders)}
        self._unread = set(self._kept)
        self._loaded: list[tuple[int, str]] = []
        self._writing: list[Future[tuple[str, ...]]] = []

    def photograph_loaded(self, image: int, sha256: str) -> None:
        """Start looking for the photograph's regions."""
        self._loaded.append((image, sha256))

    def arrived(self) -> tuple[Region, ...]:
        """Return the saved regions of loaded photographs that have been read since the last call."""
        found: list[Region] = []
        for image, sha256 in [item for item in self._loaded if self._kept[self._folders[item[0]]].done()]:
            self._loaded.remove((image, sha256))
            found += self._of(self._folders[image], sha256)
        return tuple(found)

    def _of(self, folder: Path, sha256: str) -> tuple[Region, ...]:
        kept = self._kept[folder].result()
        if folder in self._unread:
            self._unread.remove(folder)
            self._told += kept.told
            self.given = with_given(self.given, (), kept.given)
        found = tuple(region for region in kept.regions if region.photograph == sha256)
        saved = self._saved.get(folder, ())
        self._saved[folder] = (*saved, *(region for region in found if region not in saved))
        return found

    @property
    def reading(self) -> bool:
        """Whether regions of loaded photographs may still come."""
        return bool(self._loaded)

    def save(self, regions: Regions, photographs: Photographs) -> None:
        """Write what has changed since the last call, on the store's own thread."""
        if regions.known is self._last:
            return
        self._last = regions.known
        now: dict[Path, list[Region]] = {folder: [] for folder in self._saved}
        for region in regions.known:
            image = image_of(region, photographs, -1)
            if image is not None:
                now.setdefault(self._folders[image], []).append(region)
        for folder, ours in now.items():
            before = self._saved.get(folder, ())
            removed = tuple(region for region in before if region not in ours)
            added = tuple(region for region in ours if region not in before)
            if removed or added:
                self._saved[folder] = tuple(ours)
                here = {region.photograph for region in (*before, *ours)}
                given = tuple(item for item in regions.given if item[0] in here)
                self._writing.append(self._disk.submit(save_changes, folder, removed, added, given))

    @property
    def busy(self) -> bool:
        """Whether there may be a message."""
        return bool(self._writing or self._loaded)

    def notices(self) -> tuple[str, ...]:
        """Return what the user should know since the last call."""
        told, self._told = self._told, []
        for done in [future for future in self._writing if future.done()]:
            self._writing.remove(done)
            error = done.exception()
            told += [str(error)] if error is not None else done.result()
        return tuple(told)

    def close(self) -> None:
        """Wait until everything is written. May be called twice."""
        self._disk.shutdown()
