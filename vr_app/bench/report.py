"""The output of a measurement: the machine it ran on, the figures, and the tables made from them."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from sr_core.networks.names import DEFAULT_MODEL
from vr_app.bench.bars import Bar, all_bars
from vr_app.core.tiles.limits import machine_memory

FORM = 1
"""The version of the JSON format."""

PACKAGES = ("fundusxr", "numpy", "torch", "pillow", "PyOpenGL", "scipy", "openvino", "onnxruntime")


@dataclass(frozen=True)
class Settings:
    """The settings of every measurement. `quick`: so few samples that the figures mean nothing, to try the command.
    `curves`: measure the curves as well. `photograph`: use it in place of the generated one (None). `seconds`, `seed`,
    `mode`: of a soak. `trace`: the file for a timeline of the zooms, if any."""

    device: str = "auto"
    model: str = DEFAULT_MODEL
    quick: bool = False
    curves: bool = False
    photograph: Path | None = None
    threads: int | None = None
    seconds: float = 600.0
    seed: int = 0
    mode: str = "offscreen"
    trace: Path | None = None


@dataclass
class Measured:
    """`values` by the names of bars.json (None: not measurable here); `samples`: every single measurement, times in
    milliseconds; `about`: how it was done; `curves`: points of each curve; `renderer`: the GL driver's name."""

    values: dict[str, float | None] = field(default_factory=dict)
    samples: dict[str, object] = field(default_factory=dict)
    about: dict[str, object] = field(default_factory=dict)
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    renderer: str | None = None


def milliseconds(seconds: Sequence[float]) -> list[float]:
    return [round(1000 * value, 3) for value in seconds]


def percentiles(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Return the median, the 95th and 99th percentile, the maximum, and the number of values."""
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    found = {"p50": p50, "p95": p95, "p99": p99, "max": max(values)}
    return {name: round(float(value), 4) for name, value in found.items()} | {"samples": len(values)}


def cores() -> int:
    """Return the number of logical processors that this process may use, or all if the system does not say (Windows,
    macOS)."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def machine() -> dict[str, object]:
    """Describe processor, cores, memory and load, as far as the system reports them (None: it does not)."""
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "ram_bytes": machine_memory(),
        "system": platform.platform(),
    }


def load_average() -> list[float] | None:
    """Return the average number of runnable processes over 1, 5 and 15 minutes, or None if the system does not count
    them (Windows)."""
    return None if sys.platform == "win32" else [round(value, 2) for value in os.getloadavg()]


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def document(
    command: str, settings: Settings, measured: Measured, bars: list[dict], load_before: list[float] | None
) -> dict:
    """Return the JSON of one measurement; docs/performance.md describes its fields."""
    return {
        "form": FORM,
        "command": command,
        "quick": settings.quick,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine()
        | {"gl_renderer": measured.renderer, "load_average": {"before": load_before, "after": load_average()}},
        "versions": versions(),
        "device": settings.device,
        "model": settings.model,
        "about": measured.about,
        "samples": measured.samples,
        "curves": measured.curves,
        "bars": bars,
    }


def read_document(path: Path) -> dict:
    """Read a file that `--json` wrote. Raises UserError for any other."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable measurement ({error}); name files that --json wrote") from None
    if not isinstance(found, dict) or found.get("form") != FORM or not isinstance(found.get("bars"), list):
        raise UserError(f"{path}: measured by another version of this program; measure it again")
    return found


def table(documents: Sequence[Mapping]) -> str:
    """Return a Markdown table of every row of the list with its measured value, then the curves. If a row was measured
    more than once, the last one counts."""
    found = {row["name"]: (row, document) for document in documents for row in document["bars"]}
    lines = ["| what | bar | measured | holds |", "| --- | --- | --- | --- |"]
    lines += [_row(bar, *found.get(bar.name, (None, {}))) for bar in all_bars()]
    for document in documents:
        for name, points in document["curves"].items():
            lines += ["", f"**{name}**", "", *_curve(points)]
    return "\n".join(lines)


def _row(bar: Bar, row: Mapping | None, document: Mapping) -> str:
    if row is None or row["value"] is None:
        return f"| {bar.what} | {bar.bar} | not measured | |"
    quick = " (quick: means nothing)" if document["quick"] else ""
    return f"| {bar.what} | {bar.bar} | {shown(row['value'], bar.unit)}{quick} | {'yes' if row['holds'] else 'no'} |"


def _curve(points: Sequence[Mapping[str, float]]) -> list[str]:
    names = list(points[0])
    rows = ["| " + " | ".join(f"{point[name]:g}" for name in names) + " |" for point in points]
    return [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}", *rows]


def shown(value: float | None, unit: str) -> str:
    """Format a value for the tables."""
    if value is None:
        return "not measured"
    return f"{value:.4g} {unit}"
