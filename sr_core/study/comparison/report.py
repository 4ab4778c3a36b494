"""The comparison for readers: tables in Markdown, and a figure of crops with their measures."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sr_core.errors import UserError
from sr_core.files import printable
from sr_core.image.geometry import Rect
from sr_core.study.comparison.bars import bars_of, table_of
from sr_core.study.comparison.evaluation import ALONE
from sr_core.study.comparison.metrics import psnr, s3_index, s3_map, ssim
from sr_core.study.comparison.rivals import SHARPENED
from sr_core.study.data.references import Reference

CROP = 96
"""The side of the figure's crops in pixels of the photograph; a multiple of every scale."""

CROPS: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "HRF/images/01_dr.JPG": (("vessels", 0.236, 0.387),),
    "HRF/images/04_h.jpg": (("vessels", 0.513, 0.290),),
    "IDRiD/segmentation_testing/IDRiD_55.jpg": (("exudates", 0.427, 0.275),),
    "IDRiD/segmentation_testing/IDRiD_61.jpg": (("haemorrhages", 0.623, 0.375),),
}
"""The figure's crops by photograph: what each shows and its middle, as fractions of the reference's width and height.
They were chosen from the photographs alone, before any method's output was seen."""

TITLES = {"paper": "The paper's regime (short side 1024)", "viewer": "The viewer's regime (the photograph as it is)"}
NAMES = {
    "lanczos": "Lanczos",
    "back-projection": "back-projected bicubic",
    "pseudo-inverse": "W+ y",
}
_INK, _LINE, _GAP, _SIZE, _ACROSS = (30, 30, 30), 19, 12, 2 * CROP, 6
_TEXT = 14


@dataclass(frozen=True)
class Column:
    """A table column: its heading, the keys of a summary that it shows, and their format."""

    heading: str
    keys: tuple[str, ...]
    form: str


COLUMNS = (
    Column("PSNR, dB", ("psnr.mean", "psnr.sd"), "{:.2f} ± {:.2f}"),
    Column(
        "over bicubic, dB [95 %]",
        ("over_bicubic.mean", "over_bicubic.low", "over_bicubic.high"),
        "{:+.2f} [{:+.2f}, {:+.2f}]",
    ),
    Column("won", ("over_bicubic.won",), "{:.0%}"),
    Column(
        "over back-projection, dB [95 %]",
        ("over_back-projection.mean", "over_back-projection.low", "over_back-projection.high"),
        "{:+.2f} [{:+.2f}, {:+.2f}]",
    ),
    Column("won", ("over_back-projection.won",), "{:.0%}"),
    Column("whole frame, dB", ("psnr_whole.mean",), "{:.2f}"),
    Column("SSIM", ("ssim.mean", "ssim.sd"), "{:.4f} ± {:.4f}"),
    Column("SSIM whole", ("ssim_whole.mean",), "{:.4f}"),
    Column("S3 (photograph's)", ("s3.mean", "s3_photograph.mean"), "{:.3f} ({:.3f})"),
    Column("S3 whole", ("s3_whole.mean",), "{:.3f}"),
    Column("invented", ("invented.mean",), "{:.2f}"),
    Column("r", ("invented_correlation.mean",), "{:.2f}"),
    Column("s", ("seconds",), "{:.2f}"),
)

DOCUMENT_COLUMNS = tuple(column for column in COLUMNS if "whole" not in column.heading)
"""The columns shown in documents; the results' own report has all of them."""

_MARKED = re.compile(
    r"(<!-- results of (?P<set>\S+): (?P<kind>full|short|bars) -->\n).*?(<!-- end of results -->)", re.DOTALL
)

HOW_TO_READ = """\
PSNR, SSIM and S3 are measured inside the field of view; "whole" over the frame, where the rim against the black
surround rules. PSNR: all three channels, scale pixels of rim and frame left out. SSIM and S3: of the luma. ±: standard
deviation over photographs. [95 %]: bootstrap interval of the mean paired difference; won: share of photographs with a
positive one. S3 is perceived sharpness and rewards noise and artefacts: nearer to the photograph's own is better, not
higher; of pictures above 2 megapixels it is measured in the middle 1024 x 1024. Invented: mean |SR - W+ y| over mean
|HR - W+ y|, the detail shown beyond what the reduction determines, in units of what was there; r: its correlation with
what was there. s: median seconds for a photograph. "alone": the network without the viewer's tiles and without the
projection onto agreement; "unsharp = NAME": bicubic, sharpened by unsharp masking to NAME's S3."""


def title(method: str) -> str:
    """Return a method's name for tables and figures."""
    return NAMES.get(method, method)


def table(summaries: Sequence[Mapping[str, Any]], columns: Sequence[Column] = COLUMNS) -> str:
    """Return a Markdown table of summaries, one row per method; a figure that a method does not have is left empty.

    Raises ValueError for columns with sharpness (S3) and without PSNR: noise alone makes a picture look sharp.
    """
    _refuse_bare_sharpness([key.split(".")[0] for column in columns for key in column.keys])
    lines = [
        "| method | " + " | ".join(column.heading for column in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for summary in summaries:
        cells = (_cell(summary, column) for column in columns)
        lines.append(f"| {title(summary['method'])} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _refuse_bare_sharpness(measures: Iterable[str]) -> None:
    measures = list(measures)
    if any(name.startswith("s3") for name in measures) and "psnr" not in measures:
        raise ValueError("S3 is not shown without PSNR: noise and artefacts raise it")


def _cell(summary: Mapping[str, Any], column: Column) -> str:
    values = []
    for key in column.keys:
        value: Any = summary
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        values.append(value)
    return "" if None in values else column.form.format(*values)


def markdown(results: Mapping[str, Any]) -> str:
    """Return the whole report of a results file: how it was made, how to read it, and a table for each regime, scale
    and data set."""
    machine, split = results["machine"], results["split"]
    parts = [
        "# Results",
        f"`{results['command']}`",
        f"Split {split['name']}, {split['part']}: {_count(len(results['photographs']))}. Seed {results['seed']}, "
        f"{results['resamples']} resamples. {machine['processor']}, {machine['threads']} threads, networks as shown in "
        f"{machine['precision']}. Every photograph's figures, checksums and versions: results.json.",
        HOW_TO_READ,
    ]
    seen: set[tuple] = set()
    for summary in results["summary"]:
        regime, scale, group = summary["regime"], summary["scale"], summary["set"]
        if (regime, scale, group) in seen:
            continue
        if (regime, scale) not in {place[:2] for place in seen}:
            parts.append(f"## {TITLES[regime]}, x{scale}")
        seen.add((regime, scale, group))
        rows = [s for s in results["summary"] if (s["regime"], s["scale"], s["set"]) == (regime, scale, group)]
        parts += [f"### {group}: {_count(summary['photographs'])}, x{scale}", table(rows)]
    return "\n\n".join(parts) + "\n"


def fill(document: str, results: Mapping[str, Any]) -> str:
    """Fill a Markdown document with the tables of a results file, between each pair of lines of the form

    ``<!-- results of HRF: full -->`` (every regime and scale of that set of photographs), ``short`` (the gains over
    bicubic in the paper's regime, without the methods that only serve as a reference) or ``bars`` (the targets, and
    what was measured), and ``<!-- end of results -->``; the rest is left unchanged.

    Raises UserError if there are no such lines, or the results do not have that set.
    """
    if not _MARKED.search(document):
        raise UserError("no lines '<!-- results of SET: full -->' and '<!-- end of results -->' to fill; write them")

    def filled(match: re.Match) -> str:
        rows = [summary for summary in results["summary"] if summary["set"] == match["set"]]
        if not rows:
            raise UserError(f"the results have no photographs of {match['set']}; name another set")
        if match["kind"] == "bars":
            text = table_of(bars_of([row for row in results["rows"] if set_of(row["photograph"]) == match["set"]]))
        else:
            text = _tables(rows) if match["kind"] == "full" else _short_table(rows)
        return f"{match[1]}\n`{results['command']}`\n\n{text}\n\n{match[4]}"

    return _MARKED.sub(filled, document)


def _tables(rows: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for regime, scale in dict.fromkeys((row["regime"], row["scale"]) for row in rows):
        here = [row for row in rows if (row["regime"], row["scale"]) == (regime, scale)]
        heading = f"**{TITLES[regime]}, x{scale}**, {_count(here[0]['photographs'])}"
        parts += [heading, table(here, DOCUMENT_COLUMNS)]
    return "\n\n".join(parts)


def _short_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the gains over bicubic in the paper's regime, in dB with their 95 % intervals: one row per method, one
    column per scale."""
    rows = [row for row in rows if row["regime"] == "paper" and "over_bicubic" in row]
    scales = list(dict.fromkeys(row["scale"] for row in rows))
    lines = [
        "| gain over bicubic, dB [95 %] | " + " | ".join(f"x{scale}" for scale in scales) + " |",
        "| --- |" + " ---: |" * len(scales),
    ]
    for method in dict.fromkeys(row["method"] for row in rows):
        if method.endswith(ALONE) or method.startswith(SHARPENED):
            continue
        gains = {row["scale"]: row["over_bicubic"] for row in rows if row["method"] == method}
        form = "{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
        cells = (form.format(**gains[scale]) if scale in gains else "" for scale in scales)
        lines.append(f"| {title(method)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def set_of(photograph: str) -> str:
    """Return the set that a photograph belongs to: the first folder of its name."""
    return photograph.split("/")[0] if "/" in photograph else "photographs"


def _count(photographs: int) -> str:
    return f"{photographs} photograph{'s' if photographs != 1 else ''}"


def crops_of(reference: Reference) -> dict[str, Rect]:
    """Return the figure's crops of a reference, keyed by what they show: the listed ones, or else the window of the
    strongest contrast.

    Corners lie on multiples of 8. A picture smaller than a crop has none.
    """
    height, width = reference.pixels.shape[:2]
    if min(height, width) < CROP:
        return {}
    listed = CROPS.get(reference.name) or (("strongest contrast", *_strongest_contrast(reference)),)
    return {label: Rect(_corner(x * width, width), _corner(y * height, height), CROP, CROP) for label, x, y in listed}


def _corner(middle: float, side: int) -> int:
    return int(np.clip(middle - CROP / 2, 0, side - CROP)) // 8 * 8


def _strongest_contrast(reference: Reference) -> tuple[float, float]:
    """Return the middle, as fractions, of the window inside the field whose green channel varies most."""
    height, width = reference.pixels.shape[:2]
    green = reference.pixels[..., 1].astype(np.float32)
    inside = reference.field.mask((height, width))
    best, place = -1.0, (0.5, 0.5)
    for y in range(0, height - CROP + 1, CROP // 2):
        for x in range(0, width - CROP + 1, CROP // 2):
            window = np.s_[y : y + CROP, x : x + CROP]
            if inside[window].all() and green[window].std() > best:
                best, place = float(green[window].std()), ((x + CROP / 2) / width, (y + CROP / 2) / height)
    return place


def figure_names(names: Sequence[str]) -> list[str]:
    """Return which of the compared photographs the figure shows: those with listed crops, or else the first two."""
    return [name for name in names if name in CROPS] or list(names[:2])


@dataclass(frozen=True, eq=False)
class Strip:
    """One crop in the figure: its title, the pixels of the photograph, of the reduction and of each method by name; all
    uint8 (CROP, CROP, 3)."""

    title: str
    photograph: np.ndarray
    reduced: np.ndarray
    methods: Mapping[str, np.ndarray]


def figure(heading: str, strips: Sequence[Strip]) -> np.ndarray:
    """Draw uint8 (H, W, 3): one strip per crop, enlarged twice pixel by pixel, with PSNR, SSIM and S3 of the crop under
    each method's."""
    rows = [-(-(len(strip.methods) + 2) // _ACROSS) for strip in strips]
    across = min(max(len(strip.methods) + 2 for strip in strips), _ACROSS)
    cell = _SIZE + 3 * _LINE + _GAP
    height = 2 * _LINE + _GAP + sum(_LINE + _GAP + count * cell for count in rows)
    image = Image.new("RGB", (_GAP + across * (_SIZE + _GAP), height), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(_TEXT)
    draw.text((_GAP, _GAP), heading, fill=_INK, font=ImageFont.load_default(_TEXT + 2))
    top = 2 * _LINE + _GAP
    for strip, count in zip(strips, rows, strict=True):
        draw.text((_GAP, top), printable(strip.title), fill=_INK, font=font)
        top += _LINE + 4
        own = [f"S3 {s3_index(s3_map(strip.photograph)):.3f}", "PSNR: the photograph itself"]
        panels = [("photograph", strip.photograph, own), ("reduced", strip.reduced, [])]
        panels += [(title(name), crop, caption(crop, strip.photograph)) for name, crop in strip.methods.items()]
        for i, (name, crop, lines) in enumerate(panels):
            x, y = _GAP + i % _ACROSS * (_SIZE + _GAP), top + i // _ACROSS * cell
            image.paste(Image.fromarray(crop).resize((_SIZE, _SIZE), Image.Resampling.NEAREST), (x, y))
            for k, line in enumerate([name, *lines]):
                draw.text((x, y + _SIZE + 2 + k * _LINE), line, fill=_INK, font=font)
        top += count * cell + _GAP - 4
    return np.array(image)


def caption(crop: np.ndarray, photograph: np.ndarray) -> list[str]:
    """Return the lines under a crop: its PSNR and SSIM, then its S3."""
    shown = {"psnr": psnr(crop, photograph), "ssim": ssim(crop, photograph), "s3": s3_index(s3_map(crop))}
    _refuse_bare_sharpness(shown)
    return [f"{shown['psnr']:.2f} dB   SSIM {shown['ssim']:.3f}", f"S3 {shown['s3']:.3f}"]
