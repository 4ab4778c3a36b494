"""The whole comparison: every method on every photograph, saved as it goes, and summarised.

A results folder holds ``results.json``, ``results.md``, ``figure-REGIME-xSCALE.png``, and ``.cache`` with one file for
each photograph, scale and method. A cached file is valid only for the same photograph, weights, code and settings, so a
comparison can be stopped at any time, repeated, and extended.
"""

import ast
import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sr_core
from sr_core.assets import asset_path
from sr_core.engine.engine import Engine
from sr_core.files import whole_file, write_text
from sr_core.image.folder import SUFFIXES
from sr_core.image.geometry import Rect
from sr_core.image.photograph import is_see_through
from sr_core.image.provenance import of_figure
from sr_core.image.saving import save_picture
from sr_core.networks.names import BEGINS_AS
from sr_core.networks.zoo import SCALES, available_models, load_model
from sr_core.study.comparison import report
from sr_core.study.comparison.evaluation import ALONE, EvaluationError, Yardstick
from sr_core.study.comparison.rivals import (
    BACK_PROJECTION,
    BICUBIC,
    Method,
    classical_methods,
    external_method,
    external_pictures,
    network_methods,
    picture_name,
)
from sr_core.study.data.references import (
    NATIVE,
    PARTS,
    SHORT_SIDE,
    Reference,
    load_references,
    load_split,
    shrink_reference,
)

REGIMES = {"paper": SHORT_SIDE, "viewer": NATIVE}
"""Regimes and the short side of their ground truth."""
SEED, RESAMPLES = 1, 10_000
MEASURES = (
    "psnr",
    "psnr_whole",
    "ssim",
    "ssim_whole",
    "s3",
    "s3_whole",
    "s3_photograph",
    "s3_whole_photograph",
    "invented",
    "invented_correlation",
)
DECIMALS = 4


_CODE = ("image/*.py", "engine/*.py", "networks/*.py")
_STUDY_CODE = (
    *(f"study/comparison/{name}.py" for name in ("metrics", "evaluation", "rivals", "report")),
    "study/data/references.py",
)


@dataclass(frozen=True)
class Comparison:
    """What to compare: photographs ``part`` of a split below ``root``, the regimes and scales, models by name (none:
    all that have weights), folders of pictures made elsewhere, by name; ``limit``: the most photographs, spread evenly
    over the list."""

    root: Path
    scales: tuple[int, ...] = SCALES
    models: tuple[str, ...] = ()
    split: str = "fundus"
    part: str = "test"
    regimes: tuple[str, ...] = ("paper",)
    externals: Mapping[str, Path] = field(default_factory=dict)
    limit: int | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """One photograph enlarged by one method: which ones, the measures, and the figure's crops keyed by what they
    show."""

    figures: Mapping[str, Any]
    crops: Mapping[str, np.ndarray]


def bundled_models(scale: int) -> list[str]:
    """Return the networks to compare if none is named: all bundled ones except those that take the file's coding as
    input; for clean reductions these equal the networks that they were trained from."""
    return [name for name, scales in available_models().items() if scale in scales and name not in BEGINS_AS]


class Plan:
    """A comparison whose files and methods have all been found. Raises UserError for anything missing or unknown."""

    def __init__(self, comparison: Comparison, kept: Path) -> None:
        """``kept``: the folder of cached rows; created when needed."""
        _check(comparison)
        self.comparison, self.kept = comparison, kept
        self.names = {regime: listed_photographs(comparison, regime) for regime in comparison.regimes}
        self.checksums = {name: _sha256(comparison.root / name) for names in self.names.values() for name in names}
        self.weights: dict[str, str] = {}
        self.precision = ""
        self._methods = {scale: classical_methods() + self._networks(scale) for scale in comparison.scales}
        self._check_names()
        self._externals = {name: self._pictures(name, folder) for name, folder in comparison.externals.items()}

    def _networks(self, scale: int) -> list[Method]:
        models = self.comparison.models or bundled_models(scale)
        methods: list[Method] = []
        for model in models:
            network = load_model(model, scale)
            if any(method.name == network.name for method in methods):  # 0.5 and 0.50 are the same dial setting
                continue
            self.weights[f"{model} x{scale}"] = network.sha256
            self.precision = str(Engine(network, torch.device("cpu")).precision).removeprefix("torch.")
            methods += network_methods(network)
        return methods

    def _check_names(self) -> None:
        taken = {method.name for methods in self._methods.values() for method in methods}
        for name in self.comparison.externals:
            if name in taken:
                raise EvaluationError(f"--external {name}: that name is taken; choose another")

    def _pictures(self, name: str, folder: Path) -> Mapping[str, tuple[Path, str]]:
        """Return an external method's files with their checksums. Scales and regimes without pictures are left out."""
        groups = [
            [picture_name(regime, scale, photograph) for photograph in self.names[regime]]
            for regime in self.comparison.regimes
            for scale in self.comparison.scales
        ]
        try:
            files = list(folder.iterdir()) if folder.is_dir() else []
        except OSError as error:
            raise EvaluationError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None
        here = {path.stem for path in files}
        wanted = [stem for group in groups if here.intersection(group) for stem in group] or groups[0]
        read = {path.stem for path in files if path.suffix.lower() in SUFFIXES}
        if other := next((path for path in files if path.stem in set(wanted) - read), None):
            kinds = ", ".join(SUFFIXES)
            raise EvaluationError(f"{other}: not a supported picture; convert it to one of {kinds}")
        found = {stem: (path, _sha256(path)) for stem, path in external_pictures(name, folder, wanted).items()}
        for path, _ in found.values():
            if is_see_through(path):
                raise EvaluationError(f"{path}: is partly transparent; save it without transparency")
        return found

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read: photographs, pictures made elsewhere, and the split."""
        made = [path for pictures in self._externals.values() for path, _ in pictures.values()]
        split = [Path(self.comparison.split)] if self.comparison.split.endswith(".json") else []
        return [self.comparison.root / name for name in self.checksums] + made + split

    def methods(self, regime: str, scale: int, photograph: str) -> list[Method]:
        """Return the methods for one photograph, in the order of the tables."""
        stem = picture_name(regime, scale, photograph)
        made = {name: pictures[stem] for name, pictures in self._externals.items() if stem in pictures}
        return _of_regime(regime, self._methods[scale]) + [external_method(name, *file) for name, file in made.items()]

    def jobs(self) -> Iterator[tuple[str, str, int, Method]]:
        """Yield (regime, photograph, scale, method), one photograph at a time."""
        for regime in self.comparison.regimes:
            for photograph in self.names[regime]:
                for scale in self.comparison.scales:
                    for method in self.methods(regime, scale, photograph):
                        yield regime, photograph, scale, method

    def is_in_figure(self, regime: str, photograph: str) -> bool:
        """Whether the regime's figure shows the photograph: its rows then keep their crops."""
        return photograph in report.figure_names(self.names[regime])

    def file(self, regime: str, photograph: str, scale: int, method: Method) -> Path:
        """Return where that row is cached; the name differs for another photograph, weights, code or setting."""
        parts = [_code_fingerprint(), regime, photograph, self.checksums[photograph], scale, method.name]
        parts += [method.identity, self.is_in_figure(regime, photograph)]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return self.kept / f"{picture_name(regime, scale, photograph)}-{digest[:24]}.npz"


def _of_regime(regime: str, methods: Sequence[Method]) -> list[Method]:
    """Leave out bare networks, which show what agreement costs, in all regimes but the paper's: at the photographs' own
    size they would double the hours."""
    return [method for method in methods if regime == "paper" or not method.name.endswith(ALONE)]


def spread(names: Sequence[str], limit: int | None) -> list[str]:
    """Return at most ``limit`` names, evenly spread over the list, starting with its first."""
    count = min(limit or len(names), len(names))
    return [names[len(names) * i // count] for i in range(count)]


def listed_photographs(comparison: Comparison, regime: str) -> list[str]:
    """Return the photographs compared in a regime: at their own size ("viewer") only those of the split's sharp sets.
    Raises EvaluationError if the comparison cannot be made or photographs are missing."""
    _check(comparison)
    split = load_split(comparison.split)
    listed = getattr(split, comparison.part)
    if REGIMES[regime] == NATIVE and split.sharp:
        listed = [name for name in listed if report.set_of(name) in split.sharp]
    if not listed:
        raise EvaluationError(
            f"split {comparison.split}: no photographs in '{comparison.part}' for regime {regime}; choose another part"
        )
    _refuse_one_name_for_two(regime, listed)
    names = spread(listed, comparison.limit)
    missing = [name for name in names if not (comparison.root / name).is_file()]
    if missing:
        raise EvaluationError(
            f"{comparison.root}: {len(missing)} of {len(names)} photographs are missing, "
            f"the first is {missing[0]}; name the folder that holds them"
        )
    return names


def _refuse_one_name_for_two(regime: str, listed: Sequence[str]) -> None:
    """Raise EvaluationError if two photographs' pictures for external programs would have the same name."""
    first: dict[str, str] = {}
    for name in listed:
        other = first.setdefault(picture_name(regime, SCALES[0], name), name)
        if other != name:
            raise EvaluationError(f"{name} and {other}: their pictures would have the same name; rename one of them")


def _check(comparison: Comparison) -> None:
    if not comparison.root.is_dir():
        raise EvaluationError(f"{comparison.root}: no such folder of photographs; check the spelling")
    if comparison.part not in PARTS:
        raise EvaluationError(f"part {comparison.part}: not known; choose one of {', '.join(PARTS)}")
    for regime in comparison.regimes:
        if regime not in REGIMES:
            raise EvaluationError(f"regime {regime}: not known; choose one of {', '.join(REGIMES)}")
    for scale in comparison.scales:
        if scale not in SCALES:
            raise EvaluationError(f"scale {scale}: not known; choose from {', '.join(map(str, SCALES))}")
    if not comparison.scales or not comparison.regimes:
        raise EvaluationError("nothing to compare: name at least one scale and one regime")


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EvaluationError(
            f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from None


@lru_cache(maxsize=1)
def _code_fingerprint() -> str:
    """Return the checksum of the code that makes and measures pixels."""
    root = Path(sr_core.__file__).parent
    files = sorted(path for pattern in (*_CODE, *_STUDY_CODE) for path in root.glob(pattern))
    statements = [_statements(path.read_text(encoding="utf-8")) for path in files]
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def _statements(source: str) -> str:
    """Return a module's code without its comments, docstrings and layout."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


def load_reference(root: Path, name: str, regime: str) -> Reference:
    """Load the photograph that a regime takes as ground truth: "paper" its field's box with the short side at 1024,
    "viewer" the box at its original size."""
    return load_references(root, [name], short_side=REGIMES[regime])[0]


def run(plan: Plan, progress: Callable[[int, int, str], None] = lambda done, count, what: None) -> list[Row]:
    """Compute the rows that are not cached and return all rows. ``progress``: rows done, total rows, what comes next.

    It may be interrupted anywhere: computed rows are kept.
    """
    jobs = list(plan.jobs())
    rows: list[Row] = []
    place: tuple = ()  # what `reference` and `yardstick` belong to; each is made when first needed
    for regime, photograph, scale, method in jobs:
        progress(len(rows), len(jobs), f"{regime} {photograph} x{scale} {method.name}")
        file = plan.file(regime, photograph, scale, method)
        row = _read(file, _place(regime, scale, photograph, method), plan.is_in_figure(regime, photograph))
        if row is None:
            if place[:2] != (regime, photograph):
                reference = load_reference(plan.comparison.root, photograph, regime)
            if place != (regime, photograph, scale):
                _refuse_flat(reference)
                place, yardstick = (regime, photograph, scale), Yardstick(reference, scale)
            crops = report.crops_of(reference) if plan.is_in_figure(regime, photograph) else {}
            row = measure(regime, method, yardstick, crops)
            _write(file, row)
        rows.append(row)
    progress(len(rows), len(jobs), "")
    return rows


def _refuse_flat(reference: Reference) -> None:
    """Raise EvaluationError if the photograph is all of one colour, which every method reproduces."""
    if not np.ptp(reference.pixels, axis=(0, 1)).any():
        raise EvaluationError(f"{reference.name}: all of one colour, no detail to measure; leave it out of the split")


def measure(regime: str, method: Method, yardstick: Yardstick, crops: Mapping[str, Rect]) -> Row:
    """Return one row: make the method's picture, time it, measure it, and crop it for the figure."""
    began = time.perf_counter()
    picture = method.make(yardstick)
    seconds = round(time.perf_counter() - began, 3) if method.timed else None
    figures = _place(regime, yardstick.scale, yardstick.reference.name, method)
    for name, value in asdict(yardstick.measure(picture)).items():
        figures[name] = None if value is None else round(value, DECIMALS)
    pieces = {label: picture[rect.slices()] for label, rect in crops.items()}
    return Row({**figures, "seconds": seconds}, pieces)


def _place(regime: str, scale: int, photograph: str, method: Method) -> dict[str, Any]:
    """Return the fields that identify a row."""
    return {"regime": regime, "scale": scale, "photograph": photograph, "method": method.name}


def _read(file: Path, place: Mapping[str, Any], in_figure: bool) -> Row | None:
    """Read the cached row of that place; None if it is missing, belongs elsewhere, or is damaged: then it is computed
    again."""
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as arrays:
            crops = {key.removeprefix("crop "): arrays[key] for key in arrays.files if key != "figures"}
            figures = json.loads(str(arrays["figures"]))
        whole = place.items() <= figures.items() and all(_is_measure(figures[name]) for name in MEASURES)
        pieces = all(crop.shape == (report.CROP, report.CROP, 3) and crop.dtype == np.uint8 for crop in crops.values())
        wanted = {label for label, _, _ in report.CROPS.get(place["photograph"], ())} if in_figure else set()
        return Row(figures, crops) if whole and pieces and wanted <= crops.keys() and "seconds" in figures else None
    except Exception:  # a damaged archive may raise any kind of error
        return None


def _is_measure(value: Any) -> bool:
    return value is None or (isinstance(value, float | int) and math.isfinite(value))


def _write(file: Path, row: Row) -> None:
    try:
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True)
            write_text(file.parent / ".gitignore", "*\n")
        with whole_file(file) as out:
            arrays: dict[str, Any] = {f"crop {key}": crop for key, crop in row.crops.items()}
            np.savez(out, figures=json.dumps(row.figures), **arrays)
    except OSError as error:
        raise EvaluationError(f"{file.parent}: cannot be written ({error.strerror}); choose another --out") from None


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Summarise each regime, scale, set of photographs and method: mean and standard deviation of each measure, the
    paired PSNR differences to bicubic and back-projection, median seconds.

    Sets are the first folders of the photographs' names and, if there are several, "all" of them together.
    """
    summaries = []
    for regime, scale in dict.fromkeys((row["regime"], row["scale"]) for row in rows):
        here = [row for row in rows if (row["regime"], row["scale"]) == (regime, scale)]
        sets = list(dict.fromkeys(report.set_of(row["photograph"]) for row in here))
        together = "all" if "all" not in sets else "all sets"
        for group in [*sets, together] if len(sets) > 1 else sets:
            members = [row for row in here if group in (together, report.set_of(row["photograph"]))]
            for method in dict.fromkeys(row["method"] for row in members):
                summaries.append({"regime": regime, "scale": scale, "set": group} | _summary(members, method))
    return summaries


def _summary(rows: Sequence[Mapping[str, Any]], method: str) -> dict[str, Any]:
    own = {row["photograph"]: row for row in rows if row["method"] == method}
    summary: dict[str, Any] = {"method": method, "photographs": len(own)}
    for name in MEASURES:
        values = [row[name] for row in own.values() if row[name] is not None]
        if values:
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            summary[name] = {"mean": round(float(np.mean(values)), DECIMALS), "sd": round(deviation, DECIMALS)}
    for rival in (BICUBIC, BACK_PROJECTION):
        if rival != method:
            theirs = {row["photograph"]: row["psnr"] for row in rows if row["method"] == rival}
            gains = np.array([row["psnr"] - theirs[name] for name, row in own.items()])
            summary[f"over_{rival}"] = paired_difference(gains)
    times = [row["seconds"] for row in own.values() if row["seconds"] is not None]
    summary["seconds"] = round(float(np.median(times)), 3) if times else None
    return summary


def paired_difference(gains: np.ndarray, seed: int = SEED, resamples: int = RESAMPLES) -> dict[str, float]:
    """Return the mean of paired differences, its 95 % interval by the percentile bootstrap (Efron and Tibshirani 1993),
    and the fraction of pairs won."""
    picks = np.random.default_rng(seed).integers(len(gains), size=(resamples, len(gains)))
    low, high = np.percentile(gains[picks].mean(axis=1), [2.5, 97.5])
    figures = {"mean": gains.mean(), "low": low, "high": high, "won": np.mean(gains > 0)}
    return {key: round(float(value), DECIMALS) for key, value in figures.items()}


def results_of(plan: Plan, rows: Sequence[Row], command: str) -> dict[str, Any]:
    """Return everything that is recorded about a comparison, as JSON values."""
    comparison = plan.comparison
    split = Path(comparison.split) if comparison.split.endswith(".json") else _bundled_split(comparison.split)
    figures = [dict(row.figures) for row in rows]
    return {
        "command": command,
        "seed": SEED,
        "resamples": RESAMPLES,
        "split": {"name": split.stem, "part": comparison.part, "sha256": _sha256(split)},
        "machine": machine() | {"precision": plan.precision},
        "versions": {name: metadata.version(name) for name in ("fundusxr", "numpy", "pillow", "scipy", "torch")},
        "code": _code_fingerprint(),
        "weights": plan.weights,
        "photographs": plan.checksums,
        "summary": summarise(figures),
        "rows": figures,
    }


def _bundled_split(name: str) -> Path:
    return asset_path("splits", f"{name}.json")


def machine() -> dict[str, Any]:
    """Describe the processor and how much of it could be used."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass  # not Linux: the platform's own name is used
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def result_files(out: Path) -> tuple[Path, ...]:
    """Return what `write_results` may write or remove in a folder: the numbers, the tables, and the figures."""
    figures = (out / f"figure-{regime}-x{scale}.png" for regime in REGIMES for scale in SCALES)
    return out / "results.json", out / "results.md", *figures


def write_results(plan: Plan, rows: Sequence[Row], out: Path, command: str) -> list[Path]:
    """Write ``results.json``, ``results.md`` and the figures into the folder; return the files written."""
    results = results_of(plan, rows, command)
    files = list(result_files(out))
    for stale in files[2:]:
        stale.unlink(missing_ok=True)  # from another comparison: no table would mention it
    del files[2:]
    write_text(files[0], _json(results))
    write_text(files[1], report.markdown(results))
    for regime in plan.comparison.regimes:
        for scale in plan.comparison.scales:
            strips = _strips(plan, rows, regime, scale)
            if strips:
                heading = f"{report.TITLES[regime]}, x{scale}. Under each crop: its own PSNR, SSIM and S3."
                files.append(out / f"figure-{regime}-x{scale}.png")
                save_picture(files[-1], report.figure(heading, strips), _about(results, command))
    return files


def _about(results: Mapping[str, Any], command: str) -> dict[str, str]:
    """How a figure was made: by which command, with which weights."""
    about = of_figure("Pieces of photographs, enlarged in several ways; some are computed. Not for diagnosis.", command)
    return about | {"fundusxr:weights-sha256": json.dumps(results["weights"])}


def _json(results: Mapping[str, Any]) -> str:
    """Return JSON with one line for each row and summary, so that a diff shows which one changed."""
    plain = {key: value for key, value in results.items() if key not in ("rows", "summary")}
    head = json.dumps(plain, indent=1)[:-2]
    parts = [
        f' "{key}": [\n  ' + ",\n  ".join(json.dumps(item) for item in results[key]) + "\n ]"
        for key in ("summary", "rows")
    ]
    return ",\n".join([head, *parts]) + "\n}\n"


def _strips(plan: Plan, rows: Sequence[Row], regime: str, scale: int) -> list[report.Strip]:
    strips = []
    for photograph in report.figure_names(plan.names[regime]):
        place = {"regime": regime, "scale": scale, "photograph": photograph}
        shown = [row for row in rows if place.items() <= row.figures.items() and _in_figure(row.figures["method"])]
        reference = load_reference(plan.comparison.root, photograph, regime)
        small = shrink_reference(reference, scale)
        for label, rect in report.crops_of(reference).items():
            strips.append(
                report.Strip(
                    f"{photograph}: {label}",
                    reference.pixels[rect.slices()],
                    small.repeat(scale, axis=0).repeat(scale, axis=1)[rect.slices()],
                    {row.figures["method"]: row.crops[label] for row in shown},
                )
            )
    return strips


def _in_figure(method: str) -> bool:
    """Whether the figure shows a method. It leaves out those that hardly differ from their neighbour: bare networks,
    and W+ y beside back-projection."""
    return not method.endswith(ALONE) and method != "pseudo-inverse"
