"""Folders of photographs as their data sets lay them out: which files are photographs, whose eye each shows, and
which the data set keeps for tests. Names alone decide; no file is opened but EyePACS's table of grades.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sr_core.image.photograph import SUFFIXES
from sr_core.study.data import DataError, is_test_image

FOLDER = "folder"
AUTO = "auto"


@dataclass(frozen=True)
class Entry:
    """A photograph of a data set.

    source: path in the source folder, forward slashes; file: the name of what is prepared from it (.png), unique
    where sources are; dataset; patient: unique within the data set; eye: "left", "right" or "" where the name does
    not tell; group: the data set's own (a diagnosis, a grade, a part), or ""; test: kept for tests by the data set
    or by this project.
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
    """How one data set names its photographs: ``pattern`` matches a whole path inside the source folder, forward
    slashes, any case; ``read`` makes of it the entry (without ``source``)."""

    name: str
    title: str
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], Entry]


@dataclass(frozen=True)
class Survey:
    """What was found: ``layout`` names the layout taken, ``others`` are picture files that it does not count as
    photographs (masks, tracings, other folders)."""

    layout: str
    about: str
    entries: tuple[Entry, ...]
    others: tuple[str, ...]


def _eyepacs(match: re.Match[str]) -> Entry:
    part, patient, eye = (match["part"] or "train").lower(), match["patient"], match["eye"].lower()
    return Entry("", f"EyePACS/{part}/{patient}_{eye}.png", "EyePACS", patient, eye, test=part == "test")


def _hrf(match: re.Match[str]) -> Entry:
    patient = f"{match['number']}_{match['group'].lower()}"
    return _fixed(Entry("", f"HRF/images/{patient}.png", "HRF", patient, group=match["group"].lower()))


def _idrid(match: re.Match[str]) -> Entry:
    """Two digits number the 81 photographs of the segmentation task (55 to 81 are its test set), three those of
    grading and localization, which count training and testing each from 1."""
    folders, number = (match["folders"] or "").lower(), match["number"]
    if len(number) == 2:
        part = "segmentation_testing" if int(number) >= 55 else "segmentation_training"
    elif "q75" in folders:
        part = "grading_q75"
    else:
        task = "localization" if "localization" in folders else "grading"
        part = f"{task}_{'testing' if 'testing' in folders else 'training'}"
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
    """The entry, a test photograph also where this project's own list says so."""
    return replace(entry, test=entry.test or is_test_image(entry.file))


_SUFFIX = r"\.(?:jpe?g|png|tiff?|webp)"


def _layout(name: str, title: str, pattern: str, read: Callable[[re.Match[str]], Entry]) -> Layout:
    return Layout(name, title, re.compile(pattern, re.IGNORECASE), read)


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
        # Tracings in manual1/ bear the photographs' names, but are no JPEG files.
        r"(?:images/|(?=[^/]*\.jpe?g$))(?P<number>\d\d)_(?P<group>h|dr|g)" + _SUFFIX,
        _hrf,
    ),
    _layout("idrid", "IDRiD (Porwal et al. 2018)", rf"(?P<folders>.*/)?IDRiD_(?P<number>\d\d\d?){_SUFFIX}", _idrid),
    _layout(
        "chase",
        "CHASE_DB1 (Fraz et al. 2012)",
        rf"(?:[^/]+/)?Image_(?P<child>\d\d)(?P<eye>[LR]){_SUFFIX}",
        _chase,
    ),
    _layout(
        "drive",
        "DRIVE (Staal et al. 2004)",
        rf"(?P<part>training|test)/images/(?P<number>\d\d)_(?:training|test){_SUFFIX}",
        _drive,
    ),
    _layout(
        "stare", "STARE (Hoover et al. 2000)", rf"(?:[^/]+/)?im(?P<number>\d{{4}})(?:{_SUFFIX}|\.ppm(?:\.gz)?)", _stare
    ),
)
LAYOUT_NAMES = (AUTO, FOLDER, *(layout.name for layout in LAYOUTS))
_SURVEYED = (*SUFFIXES, ".ppm", ".gz")
_EYE = re.compile(
    r"(?P<patient>.+?)[ _.-]?(?:(?P<left>left|(?<=[ _.\d-])(?:os|l))|(?P<right>right|(?<=[ _.\d-])(?:od|r)))",
    re.IGNORECASE,
)


def survey(source: Path, layout: str = AUTO) -> Survey:
    """The photographs below ``source``, sorted by name.

    ``auto`` takes the layout that most names fit, or those of the folders directly inside (several data sets side by
    side) where these know more photographs; where nothing fits, ``folder``: every picture at any depth, a patient's
    two eyes known by a name that ends in left/right, OS/OD or L/R. Raises DataError: no such folder or layout, no
    photographs.
    """
    source = Path(source)
    if layout not in LAYOUT_NAMES:
        raise DataError(f"--layout {layout}: no such layout; choose one of {', '.join(LAYOUT_NAMES)}")
    if not source.is_dir():
        raise DataError(f"{source}: no such folder; name one that holds photographs")
    names = sorted(_picture_files(source))
    if not names:
        raise DataError(f"{source}: no pictures in this folder; name one that holds photographs")
    if layout == FOLDER:
        return _whole_folder(names)
    found = _by_name(names, layout)
    if layout == AUTO:
        found = max(found, _side_by_side(names), key=lambda one: sum(map(len, one.values())))
    if not found:
        if layout == AUTO:
            return _whole_folder(names)
        raise DataError(
            f"{source}: no photograph is named as in layout {layout} (the first file is {names[0]}); "
            f"see docs/data.md for its names, or use --layout {FOLDER}"
        )
    entries = _with_grades(source, [entry for entries in found.values() for entry in entries])
    known = {entry.source for entry in entries}
    titles = "; ".join(one.title for one in LAYOUTS if one.name in found)
    others = tuple(name for name in names if name not in known)
    return Survey("+".join(found), titles, _with_own_files(entries), others)


def _picture_files(source: Path) -> Iterator[str]:
    for path in source.rglob("*"):
        if path.suffix.lower() in _SURVEYED and not path.name.startswith(".") and path.is_file():
            yield path.relative_to(source).as_posix()


def _by_name(names: Sequence[str], layout: str) -> dict[str, list[Entry]]:
    """The photographs of the layout, or of that which most names fit; {} where no name does."""
    candidates = {one.name: _entries(one, names) for one in LAYOUTS if layout == AUTO or one.name == layout}
    best = max(candidates, key=lambda name: len(candidates[name]))
    return {best: candidates[best]} if candidates[best] else {}


def _side_by_side(names: Sequence[str]) -> dict[str, list[Entry]]:
    """The photographs of every folder directly inside that follows a layout."""
    found: dict[str, list[Entry]] = {}
    folders = sorted({name.split("/", 1)[0] for name in names if "/" in name})
    for folder in folders:
        inside = [name.removeprefix(f"{folder}/") for name in names if name.startswith(f"{folder}/")]
        for layout, entries in _by_name(inside, AUTO).items():
            placed = [replace(entry, source=f"{folder}/{entry.source}") for entry in entries]
            found.setdefault(layout, []).extend(placed)
    return found


def _entries(layout: Layout, names: Iterable[str]) -> list[Entry]:
    matches = ((name, layout.pattern.fullmatch(name)) for name in names)
    return [replace(layout.read(match), source=name) for name, match in matches if match]


def _whole_folder(names: Sequence[str]) -> Survey:
    pictures = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if not pictures:
        raise DataError(f"{names[0]}: not a kind of file that can be read; convert it to PNG, TIFF, JPEG or WebP")
    entries = []
    for name in pictures:
        path = PurePosixPath(name)
        match = _EYE.fullmatch(path.stem)
        patient = (path.parent / (match["patient"] if match else path.stem)).as_posix()
        eye = "" if not match else "left" if match["left"] else "right"
        entry = Entry(name, f"photographs/{path.with_suffix('.png')}", FOLDER, patient, eye)
        entries.append(replace(entry, test=is_test_image(name)))
    others = tuple(name for name in names if name not in set(pictures))
    return Survey(FOLDER, "photographs of a folder", _with_own_files(entries), others)


def _with_own_files(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """No two entries with one file: those that share it (a.jpg beside a.png) are told apart by a digest of their
    source's name."""
    count: dict[str, int] = {}
    for entry in entries:
        count[entry.file.lower()] = count.get(entry.file.lower(), 0) + 1
    own = []
    for entry in entries:
        if count[entry.file.lower()] > 1:
            digest = hashlib.sha256(entry.source.encode()).hexdigest()[:8]
            entry = replace(entry, file=f"{entry.file.removesuffix('.png')}-{digest}.png")
        own.append(entry)
    return tuple(own)


def _with_grades(source: Path, entries: Sequence[Entry]) -> list[Entry]:
    """EyePACS photographs with their grade of retinopathy (dr0 to dr4) from trainLabels.csv, where it is there."""
    grades: dict[str, str] = {}
    for table in sorted([*source.glob("trainLabels.csv"), *source.glob("*/trainLabels.csv")]):
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                grades |= {row["image"]: f"dr{int(row['level'])}" for row in csv.DictReader(file)}
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise DataError(
                f"{table}: not EyePACS's table of grades ({error!r}); copy it again or take it away"
            ) from None
    return [
        replace(entry, group=grades.get(PurePosixPath(entry.source).stem, "")) if entry.dataset == "EyePACS" else entry
        for entry in entries
    ]
