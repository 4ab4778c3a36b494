"""The folder layouts of data sets: which files are photographs, whose eye each shows, and which the data set keeps for
tests. Only names decide; no file is opened except EyePACS's table of grades."""

import csv
import hashlib
import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sr_core.image.folder import SUFFIXES
from sr_core.study.data.references import DataError, is_test_image

FOLDER = "folder"
AUTO = "auto"


@dataclass(frozen=True)
class Entry:
    """A photograph of a data set.

    source: path in the source folder, forward slashes; file: the name of the picture prepared from it (.png), unique
    like the source; dataset; patient: unique within the data set; eye: "left", "right" or "" if the name does not say;
    group: the data set's own (a diagnosis, a grade, a part), or ""; test: kept for tests by the data set or by this
    project.
    """

    source: str
    file: str
    dataset: str
    patient: str
    eye: str = ""
    group: str = ""
    test: bool = False


@dataclass(frozen=True)
class Layout:
    """How one data set names its photographs: ``pattern`` matches the end of a path, forward slashes, any case,
    whatever folders the data set lies in; ``read`` converts the match to an entry (without ``source``)."""

    name: str
    title: str
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], Entry]


@dataclass(frozen=True)
class Survey:
    """What was found: ``layout`` is the layout used, ``others`` are picture files that it does not count as photographs
    (masks, tracings, other folders), ``closed`` folders that could not be read, with the reason."""

    layout: str
    about: str
    entries: tuple[Entry, ...]
    others: tuple[str, ...]
    closed: tuple[str, ...] = ()


def _eyepacs(match: re.Match[str]) -> Entry:
    part, patient, eye = (match["part"] or "train").lower(), match["patient"], match["eye"].lower()
    return Entry("", f"EyePACS/{part}/{patient}_{eye}.png", "EyePACS", patient, eye, test=part == "test")


def _hrf(match: re.Match[str]) -> Entry:
    patient = f"{match['number']}_{match['group'].lower()}"
    return _fixed(Entry("", f"HRF/images/{patient}.png", "HRF", patient, group=match["group"].lower()))


def _idrid(match: re.Match[str]) -> Entry:
    """Read an IDRiD name. Two digits number the 81 photographs of the segmentation task (55 to 81 are its test set),
    three digits those of grading and localization, whose training and testing parts both count from 1: the innermost
    folder says which."""
    folders, number = match["folders"].lower(), match["number"]
    said = re.findall("training|testing", folders)
    if len(number) == 2:
        part = "segmentation_testing" if int(number) >= 55 else "segmentation_training"
    elif "q75" in folders:
        part = "grading_q75"
    else:
        task = "localization" if "localization" in folders else "grading"
        part = f"{task}_{said[-1] if said else 'training'}"
    entry = Entry("", f"IDRiD/{part}/IDRiD_{number}.png", "IDRiD", f"{part}-{number}", group=part)
    return _fixed(replace(entry, test=part.endswith("testing")))


def _chase(match: re.Match[str]) -> Entry:
    child, side = match["child"], match["eye"].upper()
    eye = {"L": "left", "R": "right"}[side]
    return Entry("", f"CHASE_DB1/Image_{child}{side}.png", "CHASE_DB1", child, eye, test=int(child) >= 11)


def _drive(match: re.Match[str]) -> Entry:
    part, number = match["part"].lower(), match["number"]
    return Entry("", f"DRIVE/{part}/{number}.png", "DRIVE", number, group=part, test=part == "test")


def _stare(match: re.Match[str]) -> Entry:
    return Entry("", f"STARE/im{match['number']}.png", "STARE", match["number"])


def _fixed(entry: Entry) -> Entry:
    """Return the entry, marked as a test photograph also if this project's own list says so."""
    return replace(entry, test=entry.test or is_test_image(entry.file))


_SUFFIX = r"\.(?:jp(?:g|e|eg)|jfif|png|tiff?|webp)"


def _layout(name: str, title: str, pattern: str, read: Callable[[re.Match[str]], Entry]) -> Layout:
    return Layout(name, title, re.compile(rf"(?:^|/){pattern}\Z", re.IGNORECASE), read)


LAYOUTS = (
    _layout(
        "eyepacs",
        "EyePACS (Kaggle, Diabetic Retinopathy Detection, 2015)",
        rf"(?:(?P<part>train|test)/)?(?P<patient>\d+)_(?P<eye>left|right){_SUFFIX}",
        _eyepacs,
    ),
    _layout(
        "hrf",
        "HRF (Budai et al. 2013)",
        # Tracings in manual1/ have the photographs' names, but are not JPEG files.
        r"(?:images/|(?=[^/]*\.(?:jp(?:g|e|eg)|jfif)\Z))(?P<number>\d\d)_(?P<group>h|dr|g)" + _SUFFIX,
        _hrf,
    ),
    _layout("idrid", "IDRiD (Porwal et al. 2018)", rf"(?P<folders>.*?)IDRiD_(?P<number>\d\d\d?){_SUFFIX}", _idrid),
    _layout(
        "chase",
        "CHASE_DB1 (Fraz et al. 2012)",
        rf"Image_(?P<child>\d\d)(?P<eye>[LR]){_SUFFIX}",
        _chase,
    ),
    _layout(
        "drive",
        "DRIVE (Staal et al. 2004)",
        rf"(?P<number>\d\d)_(?P<part>training|test){_SUFFIX}",
        _drive,
    ),
    _layout("stare", "STARE (Hoover et al. 2000)", rf"im(?P<number>\d{{4}})(?:{_SUFFIX}|\.ppm(?:\.gz)?)", _stare),
)
LAYOUT_NAMES = (AUTO, FOLDER, *(layout.name for layout in LAYOUTS))
_SURVEYED = (*SUFFIXES, ".ppm", ".gz")
_ABOVE = 3
"""How many folders above the source are read too: it may be a data set's inner folder."""
_GRADES = "trainlabels.csv"

_SIDE = r"(?:(?P<left>left|os|l)|(?P<right>right|od|r))"
_EYES = (
    re.compile(rf"(?P<before>.*?)(?:^|[ _.-]){_SIDE}(?:$|[ _.-])(?P<after>.*)", re.IGNORECASE),  # p1_left, OD-p1
    re.compile(rf"(?P<before>.*\d){_SIDE}(?P<after>)", re.IGNORECASE),  # 7R
    re.compile(r"(?P<before>.*[a-z])(?:(?P<left>Left|OS|L)|(?P<right>Right|OD|R))(?P<after>)"),  # SmithLeft
)
"""How a name gives the side. Words that only end that way ("cleft", "period") do not count."""
_LONGEST_NAME = 150
"""The longest name of a prepared file in bytes; file systems allow 255, and the name of an unfinished file is
longer."""


def survey(source: Path, layout: str = AUTO) -> Survey:
    """Find the photographs below ``source``, sorted by name.

    Data sets are recognised by their photographs' names at any depth, several side by side, and also if ``source`` is
    an inner folder of one. ``auto`` uses every layout that has matches, but ``folder`` if most pictures match none:
    every picture at any depth, with a patient's two eyes told apart by left/right, OS/OD or L/R in the name or as a
    folder. Linked folders are followed. Raises DataError: no such folder or layout, no photographs.
    """
    source = Path(source)
    if layout not in LAYOUT_NAMES:
        raise DataError(f"--layout {layout}: no such layout; choose one of {', '.join(LAYOUT_NAMES)}")
    files, closed = _files(source)
    names = [name for name in files if PurePosixPath(name).suffix.lower() in _SURVEYED]
    unpacked = set(names)
    names = [name for name in names if not (name.endswith(".gz") and name.removesuffix(".gz") in unpacked)]
    if not names:
        raise DataError(f"{source}: no pictures in this folder; name one that holds photographs")
    above = "/".join(source.resolve().parts[1:][-_ABOVE:])
    known = _known(names, above)
    if layout == FOLDER or (layout == AUTO and len(_strangers(names, known)) > len(known)):
        return replace(_whole_folder(names, {name for name, (_, entry) in known.items() if entry.test}), closed=closed)
    found = {name: pair for name, pair in known.items() if layout in (AUTO, pair[0].name)}
    if not found:
        raise DataError(
            f"{source}: no photograph is named as in layout {layout} (the first file is {names[0]}); "
            f"see docs/data.md for its names, or use --layout {FOLDER}"
        )
    grades = [source / name for name in files if PurePosixPath(name).name.lower() == _GRADES]
    entries = _with_grades(grades, [entry for _, entry in found.values()])
    taken = {one.name: one.title for one, _ in found.values()}
    order = [one.name for one in LAYOUTS if one.name in taken]
    others = tuple(name for name in names if name not in found)
    return Survey("+".join(order), "; ".join(taken[name] for name in order), _with_own_files(entries), others, closed)


def _files(source: Path) -> tuple[list[str], tuple[str, ...]]:
    """Return every file below the folder that is not hidden, and the unreadable folders with the reason; sorted,
    forward slashes. Raises DataError if the folder itself cannot be read."""
    files: list[str] = []
    closed: list[OSError] = []
    seen: set[str] = set()  # a link may lead back to a folder above it
    for folder, inside, here in os.walk(source, onerror=closed.append, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:
            inside.clear()
            continue
        seen.add(real)
        names = (Path(folder, name) for name in here if not name.startswith("."))
        files += [path.relative_to(source).as_posix() for path in names if path.is_file()]
    for error in closed:
        if Path(error.filename) == source:
            raise DataError(f"{source}: {error.strerror}; name a readable folder that holds photographs")
    told = (f"{Path(error.filename).relative_to(source).as_posix()}/: {error.strerror}" for error in closed)
    return sorted(files), tuple(sorted(told))


def _known(names: Sequence[str], above: str) -> dict[str, tuple[Layout, Entry]]:
    """Return the names that match a layout, with it and their entry; ``above``: the parent folders that they share."""
    matches = (
        (name, layout, match)
        for name in names
        for layout in LAYOUTS
        if (match := layout.pattern.search(f"{above}/{name}"))
    )
    return {name: (layout, replace(layout.read(match), source=name)) for name, layout, match in matches}


def _strangers(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the names that are neither known photographs nor masks or tracings of one, whose names begin with the
    photograph's."""
    stems = {PurePosixPath(name).name.split(".")[0] for name in known}

    def belongs(name: str) -> bool:
        stem = PurePosixPath(name).stem
        return any(stem[: cut.start()] in stems for cut in re.finditer(r"[_.]|\Z", stem))

    return [name for name in names if name not in known and not belongs(name)]


def _whole_folder(names: Sequence[str], tests: Collection[str]) -> Survey:
    """Return every picture; those in ``tests`` are a data set's own tests by their names."""
    pictures = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if not pictures:
        raise DataError(f"{names[0]}: not a supported file; convert it to PNG, TIFF, JPEG or WebP")
    entries = []
    for name in pictures:
        patient, eye = _whose(PurePosixPath(name).with_suffix(""))
        entry = Entry(name, f"photographs/{PurePosixPath(name).with_suffix('.png')}", FOLDER, patient, eye)
        entries.append(replace(entry, test=name in tests or is_test_image(name)))
    others = tuple(name for name in names if name not in set(pictures))
    return Survey(FOLDER, "photographs of a folder", _with_own_files(entries), others)


def _whose(path: PurePosixPath) -> tuple[str, str]:
    """Return patient and eye ("" if unknown): the path without the first word, from its end, that names a side.

    In a name with such a word, the part before it is the patient, or what follows if nothing is before: in
    ``p4_left_1`` and ``p4_left_2`` both belong to patient p4.
    """
    for place in reversed(range(len(path.parts))):
        for pattern in _EYES:
            match = pattern.fullmatch(path.parts[place])
            if match:
                kept = (*path.parts[:place], match["before"] or match["after"], *path.parts[place + 1 :])
                return PurePosixPath(*filter(None, kept)).as_posix(), "left" if match["left"] else "right"
    return path.as_posix(), ""


def _with_own_files(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give every entry its own file: entries that share one (a.jpg beside a.png) get a digest of their source's name,
    which also replaces the end of a name that is too long."""
    count: dict[str, int] = {}
    for entry in entries:
        count[entry.file.lower()] = count.get(entry.file.lower(), 0) + 1
    own = []
    for entry in entries:
        file = PurePosixPath(entry.file)
        long = len(os.fsencode(file.name)) > _LONGEST_NAME
        if count[entry.file.lower()] > 1 or long:
            digest = hashlib.sha256(os.fsencode(entry.source)).hexdigest()[:8]
            stem = file.stem[: _LONGEST_NAME // 4] if long else file.stem  # a character may take four bytes
            entry = replace(entry, file=file.with_name(f"{stem}-{digest}.png").as_posix())
        own.append(entry)
    return tuple(own)


def _with_grades(tables: Sequence[Path], entries: Sequence[Entry]) -> list[Entry]:
    """Add the grade of retinopathy (dr0 to dr4) to EyePACS photographs, if there is a trainLabels.csv."""
    grades: dict[str, str] = {}
    for table in tables:
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                grades |= {row["image"]: f"dr{int(row['level'])}" for row in csv.DictReader(file)}
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise DataError(f"{table}: not EyePACS's table of grades ({error!r}); copy it again or remove it") from None
    return [
        replace(entry, group=grades.get(PurePosixPath(entry.source).stem, "")) if entry.dataset == "EyePACS" else entry
        for entry in entries
    ]
