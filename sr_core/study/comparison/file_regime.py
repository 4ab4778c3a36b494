"""The third regime, *the file's*: photographs reduced, saved as JPEG and opened, every method against the truth; and
real files at their own size, where there is none.

A folder of results holds ``files.json``, ``files.md``, and ``.cache`` with one file for every row: a comparison may be
stopped at any time and goes on where it was. A kept row holds for the same photograph, weights, code and settings only.
The rows of the other two regimes (`results`) are kept apart: neither's code is part of the other's.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import sr_core
from sr_core.files import write_text
from sr_core.study.comparison import file_report
from sr_core.study.comparison.coded import FileCoding
from sr_core.study.comparison.evaluation import EvaluationError
from sr_core.study.comparison.file_methods import SAVED, FileMethod, file_methods, told_models, weights_of
from sr_core.study.comparison.file_rows import DECODED, REAL_SCALE, Figures, Workshop, tracing_of
from sr_core.study.comparison.report import set_of
from sr_core.study.comparison.results import (
    RESAMPLES,
    SEED,
    Comparison,
    listed_photographs,
    machine,
    paired_difference,
    spread,
)
from sr_core.study.comparison.rivals import BICUBIC

DECIMALS = 4

VESSEL_CODINGS = (FileCoding("q95", 95), FileCoding("q90", 90))
"""How photographs whose vessels were traced are saved at their own size."""

UNTOLD = "rdb-lite"
"""The network without knowledge of files that is measured on every photograph, at x4."""

TRUTH, PSNR, REAL, BLOCKS, VESSELS = "truth", "psnr", "real", "blocks", "vessels"
"""Kinds of rows: every measure against the truth, by every method; PSNR alone, by few; real files, by every method and
by few; vessels of photographs saved, by few."""

OF_ALL = {TRUTH: (PSNR, ("psnr",)), REAL: (BLOCKS, ("border",))}
"""For a kind that few photographs are measured by: the kind that stands for all photographs, and what it tells."""

_CODE = (
    *("image/*.py", "engine/*.py", "networks/*.py", "study/data/references.py"),
    *(f"study/comparison/{name}.py" for name in ("coded", "evaluation", "metrics", "rivals", "variation")),
    *(f"study/comparison/file_{name}.py" for name in ("measures", "methods", "rows")),
)

PLACE = ("kind", "scale", "photograph", "coding", "method")

Row = dict[str, Any]
"""A row's place, and its figures by name."""


@dataclass(frozen=True, eq=False)
class _Job:
    place: Row
    identity: str
    measure: Callable[[], Figures]


class FilePlan:
    """A comparison whose files and methods have all been found.

    Of the photographs, `comparison.limit`, evenly spread, are measured by every method and every measure; all of them
    in PSNR, and as they are, by bicubic, by the networks that are told of files, and at x4 by `UNTOLD`; at x2, which
    takes longer than x4 and x8 together, those of the sets that the split calls sharp. Raises UserError for what is
    missing or unknown.
    """

    def __init__(self, comparison: Comparison, kept: Path) -> None:
        """`kept`: folder of what has been computed; made when needed."""
        if comparison.externals:
            raise EvaluationError(
                "--external: pictures made elsewhere are compared in the regimes paper and viewer only"
            )
        self.comparison, self._kept = comparison, kept
        every = replace(comparison, limit=None)
        self.names, self._sharp = (listed_photographs(every, regime) for regime in ("paper", "viewer"))
        self.thorough = spread(self.names, comparison.limit)
        self.checksums = {name: _sha256(comparison.root / name) for name in self.names}
        self._methods = {scale: file_methods(scale, comparison.models) for scale in comparison.scales}
        self.weights = weights_of(comparison.scales, comparison.models)
        self._shop = Workshop(comparison.root)

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read."""
        return [self.comparison.root / name for name in self.names]

    def jobs(self) -> Iterator[_Job]:
        """Every row, a photograph at a time."""
        for name in self.names:
            for scale in self.comparison.scales:
                yield from self._against_truth(name, scale)
            if REAL_SCALE in self.comparison.scales:
                yield from self._at_its_own_size(name)

    def _against_truth(self, name: str, scale: int) -> Iterator[_Job]:
        thorough = name in self.thorough
        if scale == 2 and not thorough and name not in self._sharp:
            return
        kind, measure = (TRUTH, self._shop.against_truth) if thorough else (PSNR, self._shop.psnr_alone)
        methods = self._methods[scale] if thorough else self._some(scale)
        for coding in SAVED:
            for method in methods:
                place = _place(kind, scale, name, coding.name, method)
                yield _Job(place, method.identity, partial(measure, name, scale, coding, method))

    def _at_its_own_size(self, name: str) -> Iterator[_Job]:
        thorough = name in self.thorough
        decoded = FileMethod(DECODED, DECODED, lambda opened: opened.pixels)
        for method in (decoded, *(self._methods[REAL_SCALE] if thorough else self._some(REAL_SCALE))):
            place = _place(REAL if thorough else BLOCKS, REAL_SCALE, name, "its own", method)
            yield _Job(place, method.identity, partial(self._shop.real, name, method))
        if tracing_of(self.comparison.root / name).is_file():
            for coding in VESSEL_CODINGS:
                for method in self._some(REAL_SCALE):
                    place = _place(VESSELS, REAL_SCALE, name, coding.name, method)
                    yield _Job(place, method.identity, partial(self._shop.vessels, name, coding, method))

    def _some(self, scale: int) -> list[FileMethod]:
        names = BICUBIC, *((UNTOLD,) if scale == REAL_SCALE else ()), *told_models(scale)
        return [method for method in self._methods[scale] if method.name in names]

    def file(self, job: _Job) -> Path:
        """Where its row is kept; another name for another photograph, weights, code or setting."""
        parts = [code_fingerprint(), self.checksums[job.place["photograph"]], list(job.place.values()), job.identity]
        return self._kept / f"file-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.json"


def _place(kind: str, scale: int, photograph: str, coding: str, method: FileMethod) -> Row:
    return {"kind": kind, "scale": scale, "photograph": photograph, "coding": coding, "method": method.name}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """Checksum of the code that makes and measures pixels, blind to its comments and layout."""
    root = Path(sr_core.__file__).parent
    files = sorted(path for pattern in _CODE for path in root.glob(pattern))
    trees = [ast.dump(ast.parse(path.read_text(encoding="utf-8"))) for path in files]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()


def run(plan: FilePlan, progress: Callable[[int, int, str], None] = lambda done, count, what: None) -> list[Row]:
    """Compute what is not kept yet and return all rows. `progress`: rows done, rows in all, what comes next. May be
    interrupted anywhere: what has been computed is kept."""
    jobs, rows = list(plan.jobs()), []
    for job in jobs:
        place = job.place
        progress(len(rows), len(jobs), f"{place['kind']} {place['photograph']} x{place['scale']} {place['method']}")
        file = plan.file(job)
        row = _read(file, place)
        if row is None:
            figures = {name: None if value is None else round(value, DECIMALS) for name, value in job.measure().items()}
            row = {**place, **figures}
            _write(file, row)
        rows.append(row)
    progress(len(rows), len(jobs), "")
    return rows


def _read(file: Path, place: Row) -> Row | None:
    """A kept row of that place; None where there is none, another's, or a damaged one: it is computed anew."""
    try:
        row = json.loads(file.read_text(encoding="utf-8"))
        whole = place.items() <= row.items() and all(
            isinstance(value, str | int | float | None) for value in row.values()
        )
        return row if whole and len(row) > len(place) else None
    except (OSError, ValueError, AttributeError):
        return None


def _write(file: Path, row: Row) -> None:
    try:
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True)
            write_text(file.parent / ".gitignore", "*\n")
        write_text(file, json.dumps(row))
    except OSError as error:
        raise EvaluationError(f"{file.parent}: cannot be written ({error.strerror}); choose another --out") from None


def summarise(rows: Sequence[Row]) -> list[Row]:
    """For each kind, scale, coding, set of photographs and method: the mean of every figure, and of block borders the
    most; of PSNR the paired gain over bicubic, its interval, the share won and the least. The kinds PSNR and BLOCKS
    are of all photographs, those measured by every measure too."""
    bicubic = {_where(row): row["psnr"] for row in rows if row["method"] == BICUBIC and "psnr" in row}
    methods: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        methods.setdefault((row["kind"], row["scale"]), set()).add(row["method"])
    grouped: dict[tuple, list[Row]] = {}
    for row in rows:
        kinds = [row["kind"]]
        if row["kind"] in OF_ALL:
            every = OF_ALL[row["kind"]][0]
            kinds += [every] if row["method"] in methods.get((every, row["scale"]), {row["method"]}) else []
        for kind in kinds:
            key = kind, row["scale"], row["coding"], set_of(row["photograph"]), row["method"]
            grouped.setdefault(key, []).append(row)
    return [_summary(key, members, bicubic) for key, members in grouped.items()]


def _where(row: Row) -> tuple:
    return row["scale"], row["coding"], row["photograph"]


def _summary(key: tuple, members: Sequence[Row], bicubic: Mapping[tuple, float]) -> Row:
    kind, scale, coding, group, method = key
    summary: Row = {"kind": kind, "scale": scale, "coding": coding, "set": group, "method": method}
    summary["photographs"] = len(members)
    names = dict(OF_ALL.values()).get(kind) or [name for name in members[0] if name not in PLACE]
    for name in names:
        values = [row[name] for row in members if row[name] is not None]
        summary[name] = round(float(np.mean(values)), DECIMALS) if values else None
    if "border" in names:
        summary["border_most"] = max(row["border"] for row in members)
    if "psnr" in names and method != BICUBIC:
        gains = [row["psnr"] - bicubic[_where(row)] for row in members]
        summary["over_bicubic"] = paired_difference(np.array(gains)) | {"least": round(min(gains), DECIMALS)}
    return summary


def results_of(plan: FilePlan, rows: Sequence[Row], command: str) -> dict[str, Any]:
    """All that is written down of a comparison; JSON values."""
    return {
        "regime": "file",
        "command": command,
        "seed": SEED,
        "resamples": RESAMPLES,
        "split": {"name": Path(plan.comparison.split).stem, "part": plan.comparison.part},
        "machine": machine(),
        "versions": {name: metadata.version(name) for name in ("fundusxr", "jpeglib", "numpy", "pillow", "torch")},
        "code": code_fingerprint(),
        "weights": plan.weights,
        "photographs": plan.checksums,
        "summary": summarise(rows),
        "rows": list(rows),
    }


def result_files(out: Path) -> tuple[Path, ...]:
    """What `write_results` may write in a folder: the numbers and the tables."""
    return out / "files.json", out / "files.md"


def write_results(plan: FilePlan, rows: Sequence[Row], out: Path, command: str) -> list[Path]:
    """Write ``files.json`` and ``files.md`` into the folder; the files written."""
    results = results_of(plan, rows, command)
    numbers, tables = result_files(out)
    plain = {key: value for key, value in results.items() if key not in ("rows", "summary")}
    lists = [
        f' "{key}": [\n  ' + ",\n  ".join(json.dumps(item) for item in results[key]) + "\n ]"
        for key in ("summary", "rows")
    ]
    write_text(numbers, ",\n".join([json.dumps(plain, indent=1)[:-2], *lists]) + "\n}\n")
    write_text(tables, file_report.markdown(results))
    return [numbers, tables]
