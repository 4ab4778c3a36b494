"""A cache of computed tiles on disk, so that a later session shows them at once.

Each tile is a file, in a folder for its photograph and its network's weights:

    <folder>/v4-<photograph>-<weights>/<layer>-<level>-<column>-<row>.tile

The folder's name holds the first 16 digits of both sha256. A file holds MAGIC, a digest, the array's shape, its
departure from the photograph, and its compressed bytes. The digest covers the tile's full name and everything after it:
a file that is damaged, truncated or misnamed is removed, and the tile is computed again. Files are written elsewhere
and renamed into place, and a file is only ever replaced by an identical one, so any number of processes can share a
folder, and it can be deleted at any time. Only files with names of this form are ever removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import struct
import threading
import time
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_core.image import layers
from sr_core.image.departure import Departure
from sr_core.image.geometry import TileKey

VERSION = 5
"""Raise it whenever the file format changes, or the engine computes different pixels from the same weights."""

MAGIC = b"FXRTILE%d" % VERSION
HEADER = struct.Struct("<3H2d")
"""The array's shape; what is restored and what is invented."""

DIGEST = 16

UNSAVED = 1024
"""The most tiles that wait to be written, about 18 MB. Beyond that the oldest are not written."""

FOLDERS_KNOWN = 64
"""The most photographs whose file names are kept in memory."""

TRIM_TO = 0.9
"""The fraction of the limit to trim down to, so that not every write has to remove a file."""

NO_DEPARTURE = Departure()

_FOLDER = re.compile(r"v\d+-[0-9a-f]{16}-[0-9a-f]{16}")
_FILE = re.compile(r"([a-z][a-z0-9-]*-)?\d+-\d+-\d+\.tile(\.[0-9a-f]{8})?")


@dataclass(frozen=True)
class TileName:
    """Everything that determines a tile's pixels: the sha256 of photograph and weights (hexadecimal), the layer's name,
    level, column and row."""

    photograph: str
    weights: str
    layer: str
    level: int
    col: int
    row: int

    @staticmethod
    def of(key: TileKey, photograph: str, weights: str) -> TileName:
        return TileName(photograph, weights, layers.LAYERS[key.layer].name, key.level, key.col, key.row)

    @property
    def folder(self) -> str:
        return f"v{VERSION}-{self.photograph[:16]}-{self.weights[:16]}"

    @property
    def file(self) -> str:
        return f"{self.layer}-{self.level}-{self.col}-{self.row}.tile"


@dataclass(frozen=True, eq=False)
class KeptTile:
    """What is kept of a tile: uint8 (height, width, channels), and how far they depart from the photograph."""

    pixels: np.ndarray
    departure: Departure = NO_DEPARTURE


class TileCache:
    """Reads and writes cached tiles. Thread-safe: calls take turns. `folder` is made when first needed; `limit` is the
    most that it may hold, in bytes on disk.

    If the folder cannot be used, `tell` gets one line, once, and the folder is left alone from then on. No disk error
    is ever raised.
    """

    def __init__(self, folder: Path, limit: int, tell: Callable[[str], None]) -> None:
        self._folder = Path(folder)
        self._limit = limit
        self._tell = tell
        self._one = threading.RLock()
        self._usable = True
        self._writable = True
        self._unsaved: deque[tuple[TileName, KeptTile]] = deque(maxlen=UNSAVED)
        self._names: OrderedDict[str, set[str]] = OrderedDict()
        self._size: int | None = None  # bytes in the folder as last counted, and what was written since
        self._tidying: Iterator[None] | None = None

    def get(self, name: TileName) -> KeptTile | None:
        """Return the tile, its pixels read-only, or None if it is missing or damaged."""
        with self._one:
            return self._get(name) if self._usable and name.file in self._known(name.folder) else None

    def _get(self, name: TileName) -> KeptTile | None:
        path = self._folder / name.folder / name.file
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            self._forget(name)
            return None
        except OSError as error:
            self._give_up(f"cannot be read ({error.strerror})")
            return None
        tile = unpack(data, name)
        if tile is None:
            self._forget(name)
            _remove(path)
            return None
        _touch(path)
        return tile

    def keep(self, name: TileName, tile: KeptTile) -> None:
        """Queue a tile, to be written by a later `work`."""
        with self._one:
            if self._usable and self._writable:
                self._unsaved.append((name, tile))

    @property
    def busy(self) -> bool:
        """Whether there is work to do."""
        return bool(self._unsaved) or self._tidying is not None

    def work(self) -> None:
        """Write one tile, or scan one folder for files to remove: at most a few milliseconds on a local disk."""
        with self._one:
            if self._unsaved:
                self._save(*self._unsaved.popleft())
            elif self._tidying is not None:
                try:
                    next(self._tidying)
                except StopIteration:
                    self._tidying = None

    def finish(self, seconds: float) -> None:
        """Write queued tiles for at most that long; discard the rest."""
        end = time.monotonic() + seconds
        with self._one:
            while self._unsaved and time.monotonic() < end:
                self._save(*self._unsaved.popleft())

    def _save(self, name: TileName, tile: KeptTile) -> None:
        if name.file in self._known(name.folder):
            return
        folder = self._folder / name.folder
        part = folder / f"{name.file}.{secrets.token_hex(4)}"
        data = pack(tile, name)
        try:
            if self._size is None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # private: pieces of photographs
            folder.mkdir(mode=0o700, exist_ok=True)
            try:
                with part.open("xb") as file:
                    file.write(data)
                part.replace(folder / name.file)
            except OSError:
                _remove(part)
                raise
        except OSError as error:
            self._writable = False
            self._unsaved.clear()
            self._tell(f"{self._folder}: tiles cannot be kept there ({error.strerror}); going on without")
            return
        self._known(name.folder).add(name.file)
        self._account(len(data))

    def _account(self, written: int) -> None:
        """After a write: measure the folder if that was never done, or if it may exceed its limit."""
        if self._size is None:
            self._size = 0
            self._tidying = self._tidy()
        self._size += -(-written // 4096) * 4096  # whole blocks, as most file systems give them
        if self._size > self._limit and self._tidying is None:
            self._tidying = self._tidy()

    def _tidy(self) -> Iterator[None]:
        """Measure the folder, whoever wrote its files; if it is too large, remove the least recently used. Each step of
        the iterator is short."""
        found: list[tuple[int, int, str]] = []
        for folder in _subfolders(self._folder):
            found += _files(folder)
            yield
        self._size = sum(size for _, size, _ in found)
        if self._size <= self._limit:
            return
        found.sort()
        for at, (_, size, path) in enumerate(found):
            if self._size <= TRIM_TO * self._limit:
                break
            _remove(Path(path))
            self._size -= size
            if at % 100 == 99:
                yield
        self._names.clear()
        for folder in _subfolders(self._folder):
            _remove_empty(folder)

    def _known(self, folder: str) -> set[str]:
        """Return the names of the files in a tile's folder. They are read once: a disk access per tile could delay an
        answer."""
        names = self._names.pop(folder, None)
        if names is None:
            try:
                names = set(os.listdir(self._folder / folder))
            except FileNotFoundError:
                names = set()
            except OSError as error:
                names = set()
                self._give_up(f"cannot be read ({error.strerror})")
        self._names[folder] = names
        if len(self._names) > FOLDERS_KNOWN:
            self._names.popitem(last=False)
        return names

    def _forget(self, name: TileName) -> None:
        self._known(name.folder).discard(name.file)

    def _give_up(self, cause: str) -> None:
        if self._usable:
            self._usable = False
            self._unsaved.clear()
            self._tell(f"{self._folder}: {cause}; going on without kept tiles")


def pack(tile: KeptTile, name: TileName) -> bytes:
    """Encode a tile: MAGIC, digest, HEADER, and the differences between neighbouring pixels, compressed by zlib.

    Differences are taken along rows and columns of each channel. Smooth tiles then compress to a quarter of their size
    (to half without), at 0.2 to 0.4 ms to write and 0.1 to 0.4 ms to read.
    """
    planes = np.array(tile.pixels.transpose(2, 0, 1), order="C")
    planes[:, :, 1:] -= planes[:, :, :-1].copy()
    planes[:, 1:] -= planes[:, :-1].copy()
    departure = tile.departure
    header = HEADER.pack(*tile.pixels.shape, departure.restored, departure.invented)
    body = header + zlib.compress(planes.tobytes(), 1)
    return MAGIC + _digest(body, name) + body


def unpack(data: bytes, name: TileName) -> KeptTile | None:
    """Decode a tile's file, its pixels read-only; None if it is not that tile's complete and unchanged file."""
    start = len(MAGIC) + DIGEST
    body = data[start:]
    if data[: len(MAGIC)] != MAGIC or data[len(MAGIC) : start] != _digest(body, name):
        return None
    height, width, channels, restored, invented = HEADER.unpack_from(body)
    planes = np.frombuffer(zlib.decompress(body[HEADER.size :]), np.uint8).reshape(channels, height, width)
    planes = planes.cumsum(axis=1, dtype=np.uint8).cumsum(axis=2, dtype=np.uint8)  # sums wrap as differences did
    pixels = np.ascontiguousarray(planes.transpose(1, 2, 0))
    pixels.setflags(write=False)
    return KeptTile(pixels, Departure(invented, restored=restored))


def _digest(body: bytes, name: TileName) -> bytes:
    whose = f"{name.photograph} {name.weights} {name.layer} {name.level} {name.col} {name.row} ".encode()
    return hashlib.blake2b(whose + body, digest_size=DIGEST).digest()


def _subfolders(folder: Path) -> list[Path]:
    """The folders of photographs, of this version and others."""
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if _FOLDER.fullmatch(entry.name) and entry.is_dir()]
    except OSError:
        return []


def _files(folder: Path) -> list[tuple[int, int, str]]:
    """List each tile's file as last use (nanoseconds), bytes on disk and path, including files left half written."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _FILE.fullmatch(entry.name) and (status := _status(entry)) is not None:
                    blocks = 512 * getattr(status, "st_blocks", 0)  # Windows does not tell of them
                    found.append((status.st_mtime_ns, max(status.st_size, blocks), entry.path))
    except OSError:  # the folder was removed meanwhile
        pass
    return found


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:  # the file was
        return None


def _touch(path: Path) -> None:
    """Mark the file as used now; file systems often do not record access times."""
    with suppress(OSError):  # read-only or removed: then it is not ours to keep
        os.utime(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # another process was faster, or we may not remove it: either way it is not read again
        path.unlink()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # not empty
        folder.rmdir()
