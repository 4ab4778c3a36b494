"""Charts of training: the course of one run, and all runs side by side."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sr_core.errors import UserError
from sr_core.files import printable

SCALES = ("x2", "x4", "x8")

Entries = Sequence[Mapping[str, Any]]
"""The points of a run's curve, as in ``curve.jsonl``, one per line."""

INK, GRID = (30, 30, 30), (222, 222, 222)
COLOURS = ((0, 90, 181), (220, 50, 32), (0, 128, 96), (150, 80, 190), (200, 130, 0), (90, 90, 90), (0, 150, 190))
"""Distinguishable without telling red from green."""

PANEL = (930, 360)
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 230, 44, 44
_CELL = 22


@dataclass(frozen=True)
class Line:
    """A line in a chart: its name in the legend, and its points."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def curve_picture(entries: Entries) -> np.ndarray:
    """Draw the course of one run, uint8 (H, W, 3): loss and validation gain over the iterations; for the adversarial
    stage also the gradient shares and the discriminator's loss."""

    def line(key: str, name: str) -> Line:
        some = [entry for entry in entries if key in entry]
        return Line(name, tuple(entry["step"] for entry in some), tuple(entry[key] for entry in some))

    panels = [
        panel("Pixel loss (L1: grey levels)", "iterations", [line("loss", "loss")]),
        panel("Validation, gain over bicubic, dB", "iterations", [line("gain_db", "gain")]),
    ]
    if any("discriminator" in entry for entry in entries):
        shares = [line(f"{name}_share", name) for name in ("pixel", "feature", "adversarial")]
        panels.append(panel("Shares of the generator's gradient", "iterations", shares))
        panels.append(panel("Discriminator's loss", "iterations", [line("discriminator", "discriminator")]))
    return np.concatenate(panels)


def read_runs(folders: Sequence[Path]) -> dict[str, Entries]:
    """Read the curves below folders of runs (``FOLDER/NAME/curve.jsonl``), by the runs' names, which end in a scale.

    If a name is found twice, the last one counts. Raises UserError for a folder without any, and for an unreadable
    curve.
    """
    runs: dict[str, Entries] = {}
    for folder in folders:
        found = [path for path in sorted(folder.glob("*/curve.jsonl")) if path.parent.name.endswith(SCALES)]
        if not found:
            raise UserError(f"{folder}: no learning curves (NAME-xSCALE/curve.jsonl); name a folder of runs")
        runs |= {path.parent.name: _read_curve(path) for path in found}
    return runs


def _read_curve(path: Path) -> Entries:
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for entry in entries:
            if not (0 <= entry["cpu_seconds"] < 1e12 and abs(entry["gain_db"]) < 1e6):  # false for NaN too
                raise ValueError
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: not the curve of a run; resume the run, which writes it anew") from None
    return entries


def comparison_picture(runs: Mapping[str, Entries]) -> np.ndarray:
    """Draw the validation gain of all runs over the processor time that they took, uint8 (H, W, 3): a panel for each
    scale, a colour for each model.

    `runs`: by name, which ends in -x2, -x4 or -x8.
    """
    models = sorted({name.rpartition("-")[0] for name in runs})
    panels = []
    for scale in SCALES:
        # A model without a run at this scale is a line without points, so that the others keep their colours.
        curves = {model: runs.get(f"{model}-{scale}", ()) for model in models}
        lines = [
            Line(
                model,
                tuple(entry["cpu_seconds"] / 60 for entry in entries),
                tuple(entry["gain_db"] for entry in entries),
            )
            for model, entries in curves.items()
        ]
        panels.append(panel(f"{scale}: validation, gain over bicubic, dB", "minutes of processor time", lines))
    return np.concatenate(panels)


def panel(title: str, below: str, lines: Sequence[Line], from_zero: bool = False) -> np.ndarray:
    """Draw some lines as uint8 (H, W, 3): `title` on top, the label of the x axis `below`; beside it, if there are
    several lines, their names with their last values. The x axis starts at 0, and so does the y axis if `from_zero`. A
    line's index gives its colour."""
    image = Image.new("RGB", PANEL, "white")
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT, 12), title, fill=INK, font=_font())
    draw.text((PANEL[0] - _RIGHT, PANEL[1] - 8), below, fill=INK, font=_font(), anchor="rs")
    drawn = [(COLOURS[i % len(COLOURS)], line) for i, line in enumerate(lines) if line.x]
    if drawn:
        xs = [v for _, line in drawn for v in (0.0, *line.x)]
        ys = [v for _, line in drawn for v in ((0.0,) if from_zero else ()) + line.y]
        across = _axis(draw, xs, (_LEFT, PANEL[0] - _RIGHT), upright=False)
        up = _axis(draw, ys, (PANEL[1] - _BOTTOM, _TOP), upright=True)
        for colour, line in drawn:
            points = [(across(x), up(y)) for x, y in zip(line.x, line.y, strict=True)]
            draw.line(points, fill=colour, width=3, joint="curve")
            draw.ellipse([points[-1][0] - 4, points[-1][1] - 4, points[-1][0] + 4, points[-1][1] + 4], fill=colour)
        _legend(draw, drawn)
    draw.rectangle((_LEFT, _TOP, PANEL[0] - _RIGHT, PANEL[1] - _BOTTOM), outline=INK)
    return np.array(image)


def _axis(
    draw: ImageDraw.ImageDraw, values: Sequence[float], ends: tuple[int, int], upright: bool
) -> Callable[[float], float]:
    """Draw an axis's grid and numbers; return the function from its values to pixels."""
    low, high = min(values), max(values)
    step = _step((high - low) or abs(high) or 1.0)
    first, last = np.floor(low / step), np.ceil(high / step)
    last = max(last, first + 1)

    def place(value: float) -> float:
        return float(ends[0] + (ends[1] - ends[0]) * (value / step - first) / (last - first))

    digits = len(f"{step:.9f}".rstrip("0").partition(".")[2])  # the step's digits: 0.25 has two
    for n in np.arange(first, last + 1):
        at, text = place(n * step), f"{n * step:.{digits}f}"
        if upright:
            draw.line((_LEFT, at, PANEL[0] - _RIGHT, at), fill=GRID)
            draw.text((_LEFT - 8, at), text, fill=INK, font=_font(), anchor="rm")
        else:
            draw.line((at, _TOP, at, PANEL[1] - _BOTTOM), fill=GRID)
            draw.text((at, PANEL[1] - _BOTTOM + 6), text, fill=INK, font=_font(), anchor="ma")
    return place


def _step(span: float) -> float:
    """Return a round step that divides the span into four to ten parts."""
    power = 10.0 ** np.floor(np.log10(span / 4))
    return float(max(m * power for m in (1, 2, 2.5, 5) if span / (m * power) >= 4 or m == 1))


def _legend(draw: ImageDraw.ImageDraw, drawn: Sequence[tuple[tuple[int, int, int], Line]]) -> None:
    """Draw the lines' names with their last values, sorted by these, highest on top."""
    if len(drawn) == 1:
        return
    left = PANEL[0] - _RIGHT + 14
    for i, (colour, line) in enumerate(sorted(drawn, key=lambda item: -item[1].y[-1])):
        y = _TOP + _CELL * (i + 0.5)
        draw.line((left, y, left + 20, y), fill=colour, width=3)
        draw.text((left + 28, y), f"{printable(line.name)} {line.y[-1]:.2f}", fill=INK, font=_font(), anchor="lm")


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=14)
