"""Prepare folders of photographs for training and measuring: crop to the retina, resize, screen, divide by patient, and
record.

The prepared folder OUT holds the pictures (PNG) and ``manifest.json``: what was made from what with which checksums,
what was left out and why, and the lists train, validation and test with paths relative to OUT, so that the manifest is
also a split file (``sr_core.study.data.references.load_split``) with OUT as its data folder. While the work is in
progress, ``prepared.jsonl`` holds a line for every finished photograph; calling again resumes from it.
"""

import gzip
import hashlib
import json
import math
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sr_core.errors import UserError
from sr_core.files import write_text
from sr_core.image.context import Context
from sr_core.image.field_of_view import SEVERAL
from sr_core.image.photograph import PhotographError, load_photograph
from sr_core.image.provenance import of_photograph
from sr_core.image.saving import save_picture
from sr_core.study.data.datasets import AUTO, Entry, Survey, survey
from sr_core.study.data.pool import side_by_side
from sr_core.study.data.quality import FINGERPRINT_SIDE, Quality, fingerprint, measure_quality, same_photographs
from sr_core.study.data.references import NATIVE, PARTS, SHORT_SIDE, Reference, cut_reference

MANIFEST = "manifest.json"
DESCRIPTION = "A photograph cut to its field of view and shrunk by FundusXR; nothing is computed into it."
JOURNAL = "prepared.jsonl"
MULTIPLE = 8
"""Sides are multiples of this: the largest scale."""
LEAST_SIDE = 128
"""In pixels; a smaller picture cannot hold a crop of the paper's size."""
VALIDATION_SHARE = TEST_SHARE = 0.1
RECIPE = 3
"""Raise it whenever the same photograph would be prepared or screened differently: older folders are not mixed in."""
_ORIGINAL_SIZE = "native"
_MOST_UNPACKED = 512 << 20
"""In bytes: a compressed pixmap larger than this exceeds the largest photograph that is opened."""
_UNFINISHED = re.compile(r"\..+-[a-z0-9_]{8}\.png")
_TOLD_APART = ("layout", "short_side", "seed", "recipe")
"""The settings that all photographs in a folder share; the source folder may have been renamed or moved."""


class PrepareError(UserError):
    """A preparation that cannot start or continue: the file or folder, the cause, the cure."""


@dataclass(frozen=True)
class Prepared:
    """A prepared photograph: ``file`` in OUT and ``source`` in the source folder with forward slashes, their SHA-256;
    see ``layouts.Entry`` for dataset to test; width, height in pixels; field: centre x, y and radius of the field of
    view in these pixels, field_from whether it was fitted to the rim or assumed; quality as ``quality.Quality``;
    fingerprint as ``quality.fingerprint``; notices of its file as in ``Photograph``."""

    source: str
    source_sha256: str
    file: str
    sha256: str
    dataset: str
    patient: str
    eye: str
    group: str
    test: bool
    width: int
    height: int
    field: tuple[float, float, float]
    quality: dict[str, float]
    fingerprint: str
    field_from: str = "fitted"
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A photograph that was not used, and why, in one line. kind: unreadable, field, small, quality or copy."""

    source: str
    source_sha256: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Preparation:
    """The result: ``parts`` counts the photographs of train, validation and test; ``resumed`` of them, or of those left
    out, were already finished; ``gone`` were prepared before and are no longer in the source: their pictures stay, but
    no list names them."""

    manifest: Path
    survey: Survey
    parts: dict[str, int]
    kept: tuple[Prepared, ...]
    left_out: tuple[LeftOut, ...]
    resumed: int
    gone: tuple[str, ...]


@dataclass(frozen=True)
class _Task:
    """Everything a worker needs; ``earlier`` is the record of a previous run."""

    source: Path
    out: Path
    entry: Entry
    short_side: int
    earlier: Prepared | LeftOut | None


def parse_short_side(text: str) -> int:
    """Return the short side in pixels, or NATIVE for ``native``. Raises PrepareError."""
    if text == _ORIGINAL_SIZE:
        return NATIVE
    if not text.isdecimal() or int(text) < LEAST_SIDE or int(text) % MULTIPLE:
        raise PrepareError(
            f"--short-side {text}: must be '{_ORIGINAL_SIZE}' or a multiple of {MULTIPLE} of at least {LEAST_SIDE}"
        )
    return int(text)


def prepare(
    source: Path,
    out: Path,
    layout: str = AUTO,
    short_side: int = SHORT_SIDE,
    workers: int = 1,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, count: None,
) -> Preparation:
    """Prepare the photographs of ``source`` into ``out``; ``short_side`` NATIVE keeps their size. ``report`` is called
    with how many are done and the total.

    Photographs finished by an interrupted or previous run with the same settings are recognised by the checksums of
    their source and of their file. Raises UserError: nothing to prepare, another preparation in ``out``, an unwritable
    folder (finished work stays, the same call resumes), and KeyboardInterrupt likewise.
    """
    source, out = Path(source), Path(out)
    _check_places(source, out)
    found = survey(source, layout)
    _refuse_own_pictures(source, out, found)
    settings = {
        "source": source.resolve().name,
        "layout": found.layout,
        "short_side": short_side or _ORIGINAL_SIZE,
        "seed": seed,
        "recipe": RECIPE,
    }
    earlier = _open(out, settings)
    _check_source(source, out, earlier)
    entries, records = _without_copies(source, found.entries)
    tasks = [_Task(source, out, entry, short_side, earlier.get(entry.source)) for entry in entries]
    with _journal(out, settings) as write:
        for done, record in enumerate(side_by_side(_make, tasks, workers), start=1):
            write(record)
            records.append(record)
            report(done, len(tasks))
    records.sort(key=lambda record: record.source)
    kept = [record for record in records if isinstance(record, Prepared)]
    left_out = tuple(record for record in records if isinstance(record, LeftOut))
    if not kept:
        (out / JOURNAL).unlink(missing_ok=True)  # nothing in there that another try would have to respect
        example = left_out[0]
        raise PrepareError(
            f"{source}: none of {len(left_out)} photographs can be used (for example {example.source}: "
            f"{example.reason})"
        )
    parts = divide(kept, seed)
    _write_manifest(out, found, settings, kept, left_out, parts)
    count = {part: sum(where == part for where in parts.values()) for part in PARTS}
    resumed = sum(earlier.get(record.source) == record and _lasts(record) for record in records)
    here = {entry.source for entry in found.entries}
    gone = tuple(sorted(name for name, record in earlier.items() if isinstance(record, Prepared) and name not in here))
    return Preparation(out / MANIFEST, found, count, tuple(kept), left_out, resumed, gone)


def _check_places(source: Path, out: Path) -> None:
    try:
        os.stat(source)
        a, b = source.resolve(), out.resolve()
    except FileNotFoundError:
        raise PrepareError(f"{source}: no such folder; name one that holds photographs") from None
    except (OSError, RuntimeError) as error:  # a name too long, a closed folder above, links that go in a circle
        reason = getattr(error, "strerror", None) or error
        raise PrepareError(f"{source} or {out}: cannot be used ({reason}); name other folders") from None
    if not source.is_dir():
        raise PrepareError(f"{source}: is a file; name the folder that holds the photographs")
    if a == b or _holds(a, b) or _holds(b, a):
        raise PrepareError(f"{out}: the source and the prepared folder overlap; choose a separate folder")


def _holds(folder: Path, inner: Path) -> bool:
    """Whether `inner` lies in the folder, however either path is written."""
    with suppress(OSError):
        there = os.stat(folder)
        return any(parent.exists() and os.path.samestat(there, os.stat(parent)) for parent in (inner, *inner.parents))
    return False


def _refuse_own_pictures(source: Path, out: Path, found: Survey) -> None:
    """Raise PrepareError if links lead from the source to pictures prepared from it."""
    prepared = os.path.realpath(out)
    for entry in found.entries:
        if os.path.commonpath([prepared, os.path.realpath(source / entry.source)]) == prepared:
            raise PrepareError(f"{source / entry.source}: lies in {out}, the prepared folder; choose a separate folder")


def _open(out: Path, settings: Mapping[str, Any]) -> dict[str, Prepared | LeftOut]:
    """Return a previous run's records by source, {} for a new folder. Raises PrepareError if ``out`` is not ours."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        inside = [path.name for path in out.iterdir()]
    except OSError as error:
        raise PrepareError(f"{out}: cannot be used ({error.strerror}); choose another folder") from None
    if not inside:
        return {}
    if MANIFEST not in inside and JOURNAL not in inside:
        raise PrepareError(f"{out}: is not empty and not a prepared folder; choose an empty or a new one")
    earlier: dict[str, Prepared | LeftOut] = {}
    for path in (out / MANIFEST, out / JOURNAL):
        if path.exists():
            before, records = _read_manifest(path) if path.name == MANIFEST else _read_journal(path)
            _check_settings(out, before, settings)
            earlier |= {record.source: record for record in records}
    for unfinished in out.rglob(".*.png"):  # left by a process that was killed outright
        if _UNFINISHED.fullmatch(unfinished.name):
            unfinished.unlink(missing_ok=True)
    return earlier


def _check_source(source: Path, out: Path, earlier: Mapping[str, Prepared | LeftOut]) -> None:
    """Raise PrepareError if not one photograph of a previous run is in the source unchanged: different data sets have
    folders of the same names, and another's pictures would replace these."""
    read = [record for record in earlier.values() if record.source_sha256]
    if read and not any(record.source_sha256 == _sha256(source / record.source) for record in read):
        raise PrepareError(
            f"{out}: was prepared from another source: none of its {len(read)} photographs is in {source} (the first "
            f"is {read[0].source}); choose another folder, or delete this one"
        )


def _check_settings(out: Path, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    for key in _TOLD_APART:
        value = settings[key]
        if before.get(key) != value:
            raise PrepareError(
                f"{out}: was prepared with {key} {before.get(key)}, not {value}; choose another folder, "
                "or delete this one"
            )


def _read_manifest(path: Path) -> tuple[dict[str, Any], list[Prepared | LeftOut]]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        records = [_record(values) for values in (*manifest["images"], *manifest["left_out"])]
        return _settings(manifest), records
    except OSError as error:
        raise PrepareError(f"{path}: cannot be read ({error.strerror}); {_ANOTHER}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PrepareError(f"{path}: not a manifest of this program ({_short(error)}); {_ANOTHER}") from None


_ANOTHER = "choose another folder, or delete this one"


def _short(error: Exception) -> str:
    """Return the error in a few words: some contain everything that they could not read."""
    return f"{type(error).__name__}: {str(error)[-80:]}"


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(values["settings"], dict):
        raise TypeError("its settings are no table")
    return values["settings"]


def _read_journal(path: Path) -> tuple[dict[str, Any], list[Prepared | LeftOut]]:
    """Read the journal. It may end in a torn line: that photograph is prepared again."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise PrepareError(f"{path}: cannot be read ({error.strerror}); {_ANOTHER}") from None
    values = []
    for line in lines:
        try:
            values.append(json.loads(line))
        except ValueError:
            break
    try:
        return _settings(values[0]), [_record(one) for one in values[1:]]
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise PrepareError(f"{path}: not a journal of this program ({_short(error)}); {_ANOTHER}") from None


def _record(values: Mapping[str, Any]) -> Prepared | LeftOut:
    """Return a record as it was written. Raises TypeError or ValueError for anything else."""
    if not isinstance(values, dict):
        raise TypeError(f"{str(values)[:40]!r} is no photograph")
    values = {key: value for key, value in values.items() if key != "split"}
    if "reason" in values:
        record = LeftOut(**values)
    else:
        tuples = {key: tuple(values[key]) for key in ("field", "notices") if key in values}
        record = Prepared(**{**values, **tuples})
        numbers = (record.width, record.height, *record.field, *(record.quality[part.name] for part in fields(Quality)))
        if len(record.field) != 3 or not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"numbers of {record.source!r}")
        if len(bytes.fromhex(record.fingerprint)) != FINGERPRINT_SIDE**2:
            raise ValueError(f"fingerprint of {record.source!r}")
    for part in fields(record):
        if part.type in (str, int, bool) and type(getattr(record, part.name)) is not part.type:
            raise TypeError(f"{part.name} of {str(record.source)[:40]!r}")
    return record


@contextmanager
def _journal(out: Path, settings: Mapping[str, Any]) -> Iterator[Callable[[Prepared | LeftOut], None]]:
    """Yield a function that appends a record. A full disk ends the work with one line; the journal's complete lines
    stay."""
    path = out / JOURNAL
    try:
        before = _read_journal(path)[1] if path.exists() else []
        lines = [json.dumps({"settings": settings}), *(json.dumps(asdict(record)) for record in before)]
        write_text(path, "\n".join(lines) + "\n")  # rewritten, so that no torn line stands in the middle
        with path.open("a", encoding="utf-8", buffering=1) as file:
            yield lambda record: print(json.dumps(asdict(record)), file=file)
    except OSError as error:
        raise PrepareError(f"{path}: cannot be written ({error.strerror}); {_GO_ON}") from None


_GO_ON = "make room or choose another place; what is finished is kept, and the same command resumes"


def _without_copies(source: Path, entries: Sequence[Entry]) -> tuple[list[Entry], list[Prepared | LeftOut]]:
    """Return the entries without those whose file is byte for byte another's (data sets list some photographs twice),
    keeping test photographs first; and the copies left out."""
    by_size: dict[int, list[Entry]] = {}
    for entry in entries:
        try:
            by_size.setdefault((source / entry.source).stat().st_size, []).append(entry)
        except OSError:
            by_size.setdefault(-1, []).append(entry)  # reported as unreadable when it is opened
    left_out: list[Prepared | LeftOut] = []
    gone: set[str] = set()
    for size, group in by_size.items():
        if len(group) < 2 or size <= 0:
            continue
        first: dict[str, Entry] = {}
        for entry in sorted(group, key=lambda entry: not entry.test):
            digest = _sha256(source / entry.source)
            original = first.setdefault(digest, entry)
            if original is not entry and digest:
                left_out.append(LeftOut(entry.source, digest, "copy", f"the same file as {original.source}"))
                gone.add(entry.source)
    return [entry for entry in entries if entry.source not in gone], left_out


def _make(task: _Task) -> Prepared | LeftOut:
    """Prepare one photograph, unless its earlier record is still valid. Raises PrepareError if OUT cannot be
    written."""
    entry, path = task.entry, task.source / task.entry.source
    digest = _sha256(path)
    if task.earlier is not None and _still_holds(task, task.earlier, digest):
        return task.earlier
    try:
        with _unpacked(path) as plain:
            photograph = load_photograph(plain)
    except PhotographError as error:
        return LeftOut(entry.source, digest, "unreadable", str(error).removeprefix(f"{plain}: "))
    except (OSError, EOFError, zlib.error) as error:
        return LeftOut(entry.source, digest, "unreadable", f"cannot be unpacked ({error}); copy it again")
    pixels, field = photograph.pixels, photograph.field
    if field.assumed == SEVERAL:
        return LeftOut(entry.source, digest, "field", f"{SEVERAL}; split it into one picture per field")
    x0, y0, x1, y1 = field.bounding_rect(pixels.shape)
    short = min(x1 - x0, y1 - y0)
    if short < max(task.short_side, LEAST_SIDE):
        cure = "ask for less with --short-side" if short >= LEAST_SIDE else f"at least {LEAST_SIDE} are wanted"
        reason = f"too small: the retina's box has {short} pixels on its short side, and none is enlarged; {cure}"
        return LeftOut(entry.source, digest, "small", reason)
    quality = measure_quality(pixels, field)
    fault = quality.fault()
    if fault:
        return LeftOut(entry.source, digest, "quality", fault)
    made = cut_reference(entry.file, pixels, field, task.short_side)
    context = photograph.context.scaled(made.field.radius / field.radius)
    return replace(_save(task, digest, made, quality, context), notices=photograph.notices)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Yield the file itself, or for a compressed one (.gz) a plain copy for the duration. Raises OSError, EOFError or
    zlib.error if it cannot be unpacked."""
    if path.suffix.lower() != ".gz":
        yield path
        return
    with TemporaryDirectory() as folder, gzip.open(path) as packed:
        copy = Path(folder, path.stem)
        with copy.open("wb") as file:
            while block := packed.read(1 << 20):
                file.write(block)
                if file.tell() > _MOST_UNPACKED:
                    raise OSError(f"it holds more than {_MOST_UNPACKED >> 20} MiB")
        yield copy


def _still_holds(task: _Task, earlier: Prepared | LeftOut, digest: str) -> bool:
    if not digest or earlier.source_sha256 != digest:
        return False
    if isinstance(earlier, LeftOut):
        return _lasts(earlier)
    same = Entry(*(getattr(earlier, name) for name in Entry.__dataclass_fields__)) == task.entry
    return same and earlier.sha256 == _sha256(task.out / earlier.file)


def _lasts(record: Prepared | LeftOut) -> bool:
    """Whether the same file would give the same record again: unreadable files are tried again."""
    return isinstance(record, Prepared) or record.kind in ("field", "small", "quality")


def _save(task: _Task, digest: str, made: Reference, quality: Quality, context: Context) -> Prepared:
    pixels, field = made.pixels, made.field
    path = task.out / task.entry.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"Description": DESCRIPTION, **of_photograph(PurePosixPath(task.entry.source).name, digest, None)}
        del about["fundusxr:region"]  # the manifest has the circle that it was cut by
        save_picture(path, pixels, about, context)
    except PhotographError as error:
        cause = str(error).rsplit(";", 1)[0]
        raise PrepareError(f"{cause}; {_GO_ON}") from None
    except OSError as error:
        raise PrepareError(f"{path.parent}: cannot be made ({error.strerror}); {_GO_ON}") from None
    return Prepared(
        **asdict(task.entry),
        source_sha256=digest,
        sha256=_sha256(path),
        width=pixels.shape[1],
        height=pixels.shape[0],
        field=(round(field.cx, 2), round(field.cy, 2), round(field.radius, 2)),
        quality=asdict(quality),
        fingerprint=fingerprint(pixels, field),
        field_from=field.provenance,
    )


def _sha256(path: Path) -> str:
    """Return the hexadecimal digest of a file, "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def divide(records: Sequence[Prepared], seed: int) -> dict[str, str]:
    """Return the part (train, validation, test) of every file. All photographs of a patient, and all that show the same
    (whose fingerprints agree), go to the same part.

    A patient with a test photograph is a test patient. All others are assigned by a digest of seed and patient. If the
    data set's own test photographs are present, so that it is known to be complete, the lowest ninth of its other
    patients, rounded, is for validation. Otherwise each patient is for test, or for validation, with a probability of
    one in ten each, so that the part does not depend on which others are present. An empty part then gets one patient,
    as long as two are left in training.
    """
    groups = _groups(records)
    own_tests = {record.dataset for record in records if record.test}
    drawn: dict[int, tuple[str, float]] = {}
    others: dict[str, list[tuple[float, int]]] = {}
    for group, members in groups.items():
        dataset, patient = min((record.dataset, record.patient) for record in members)
        chance = int(hashlib.sha256(os.fsencode(f"{seed}/{dataset}/{patient}")).hexdigest()[:12], 16) / 16**12
        if any(record.test for record in members):
            drawn[group] = "test", chance
        elif dataset in own_tests:
            others.setdefault(dataset, []).append((chance, group))
        elif chance < TEST_SHARE:
            drawn[group] = "test", chance
        else:
            drawn[group] = "validation" if chance < TEST_SHARE + VALIDATION_SHARE else "train", chance
    for waiting in others.values():
        validating = round(len(waiting) * VALIDATION_SHARE / (1 - TEST_SHARE))
        for i, (chance, group) in enumerate(sorted(waiting)):
            drawn[group] = "validation" if i < validating else "train", chance
    for part in ("validation", "test"):
        training = sorted((chance, group) for group, (where, chance) in drawn.items() if where == "train")
        if len(training) > 1 and all(where != part for where, _ in drawn.values()):
            drawn[training[0][1]] = part, training[0][0]
    return {record.file: drawn[group][0] for group, members in groups.items() for record in members}


def _groups(records: Sequence[Prepared]) -> dict[int, list[Prepared]]:
    """Group records that must stay together, by the index of one of them: those of one patient, or of the same view."""
    parent = list(range(len(records)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first: dict[tuple[str, str], int] = {}
    links = [(i, first.setdefault((record.dataset, record.patient), i)) for i, record in enumerate(records)]
    for a, b in [*links, *same_photographs([record.fingerprint for record in records])]:
        parent[root(a)] = root(b)
    groups: dict[int, list[Prepared]] = {}
    for i, record in enumerate(records):
        groups.setdefault(root(i), []).append(record)
    return groups


def _write_manifest(
    out: Path,
    found: Survey,
    settings: Mapping[str, Any],
    kept: Sequence[Prepared],
    left_out: Sequence[LeftOut],
    parts: Mapping[str, str],
) -> None:
    """Write one line per photograph, so that two manifests can be compared line by line."""
    lists = {part: [record.file for record in kept if parts[record.file] == part] for part in PARTS}
    head = {"about": found.about, "settings": settings, **lists}
    text = json.dumps(head, indent=1).removesuffix("\n}")
    images = ",\n  ".join(json.dumps({**asdict(record), "split": parts[record.file]}) for record in kept)
    others = ",\n  ".join(json.dumps(asdict(record)) for record in left_out)
    write_text(out / MANIFEST, f'{text},\n "images": [\n  {images}\n ],\n "left_out": [\n  {others}\n ]\n}}\n')
    (out / JOURNAL).unlink(missing_ok=True)
