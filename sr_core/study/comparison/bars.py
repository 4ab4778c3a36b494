"""The targets that the comparison has to meet: each target, what was measured, and whether it is met."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sr_core.study.comparison.evaluation import ALONE
from sr_core.study.comparison.rivals import SHARPENED

PIXELS, ADVERSARY = "rdb-lite", "rdb-lite-gan"
"""The networks of the two stages that the bars apply to."""

RIVALS = ("lanczos", "back-projection", "srcnn", "srresnet", "srresnet-lite")
"""The methods that the pixel stage must beat."""

LEAST_GAINS = {2: 1.0, 4: 1.1, 8: 1.5}
"""Gains over bicubic, in dB by scale, that SHARE of the photographs must reach."""

SHARE = 0.9
MOST_LOST = 1.0
"""The most that the adversarial stage may lose, in dB."""

MOST_FOR_AGREEMENT = 0.1
"""The most that the projection onto agreement may cost any network, in dB."""

HEALTHY = re.compile(r"HRF/images/\d+_h\.")

Rows = Mapping[str, Mapping[str, Any]]
"""One method's rows at a scale and regime, keyed by photograph."""


@dataclass(frozen=True)
class Bar:
    """A target: ``what`` must reach ``bar``; ``measured`` says in words what it reached."""

    what: str
    bar: str
    measured: str
    holds: bool


def bars_of(rows: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Return the bars over all photographs in the rows, at each scale that they have. A bar whose methods are not all
    among the rows is not met."""
    return [bar for scale in sorted({row["scale"] for row in rows}) for bar in _bars_at(rows, scale)]


def table_of(bars: Sequence[Bar]) -> str:
    """Return the bars as a Markdown table."""
    lines = ["| what | bar | measured | holds |", "| --- | --- | --- | --- |"]
    lines += [f"| {bar.what} | {bar.bar} | {bar.measured} | {'yes' if bar.holds else 'no'} |" for bar in bars]
    return "\n".join(lines)


def _bars_at(rows: Sequence[Mapping[str, Any]], scale: int) -> Iterator[Bar]:
    paper, viewer = (_by_method(rows, regime, scale) for regime in ("paper", "viewer"))
    share = f"{SHARE:.0%} of the photographs"
    least = LEAST_GAINS[scale]
    yield _bar(f"`{PIXELS}` x{scale}, over bicubic", f"at least {least:+.1f} dB on {share}", paper, _gains(least))
    yield _bar(f"the same, against {_listed(RIVALS)}", "better than each, on average", paper, _against_rivals)
    if scale < 8:
        what = f"`{PIXELS}` x{scale}, photographs at their own size, over back-projection"
        yield _bar(what, f"positive on {share}", viewer, _over_back_projection)
    what = f"`{ADVERSARY}` x{scale}, distance of its S3 to the photograph's"
    yield _bar(what, f"less than of bicubic, srcnn, {PIXELS}", paper, _sharpness)
    yield _bar("the same, PSNR lost to the pixel stage", f"at most {MOST_LOST:.0f} dB", paper, _lost)
    yield _bar("the same, invented detail's r, against unsharp masking of equal S3", "higher", paper, _invention)
    what = f"agreement x{scale}, what it costs the network that it costs most"
    yield _bar(what, f"at most {MOST_FOR_AGREEMENT} dB", paper, _agreement)


def _by_method(rows: Sequence[Mapping[str, Any]], regime: str, scale: int) -> Mapping[str, Rows]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        if (row["regime"], row["scale"]) == (regime, scale):
            found.setdefault(row["method"], {})[row["photograph"]] = row
    return found


def _bar(what: str, bar: str, methods: Mapping[str, Rows], judged: Callable[..., tuple[str, bool]]) -> Bar:
    try:
        return Bar(what, bar, *judged(methods))
    except KeyError as missing:
        return Bar(what, bar, f"not measured: no rows of {missing.args[0]}", False)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def _paired(methods: Mapping[str, Rows], one: str, other: str) -> dict[str, float]:
    """Return by how many dB `one` exceeds `other` on each photograph."""
    theirs = methods[other]
    return {name: row["psnr"] - theirs[name]["psnr"] for name, row in methods[one].items()}


def _ahead(methods: Mapping[str, Rows], one: str, other: str) -> float:
    """Return by how many dB `one` exceeds `other` on average."""
    return float(np.mean(list(_paired(methods, one, other).values())))


def _mean(methods: Mapping[str, Rows], method: str, figure: str) -> float:
    values = [row[figure] for row in methods[method].values() if row[figure] is not None]
    return float(np.mean(values)) if values else 0.0


def _gains(least: float) -> Callable[[Mapping[str, Rows]], tuple[str, bool]]:
    def reaches(gain: float) -> bool:
        return gain >= least

    def judged(methods: Mapping[str, Rows]) -> tuple[str, bool]:
        gains = _paired(methods, PIXELS, "bicubic")
        told, share = _told_share(gains, reaches)
        healthy = {name: gain for name, gain in gains.items() if HEALTHY.match(name)}
        return told + (f"; healthy eyes {_told_share(healthy, reaches)[0]}" if healthy else ""), share >= SHARE

    return judged


def _told_share(gains: Mapping[str, float], reaches: Callable[[float], bool]) -> tuple[str, float]:
    """Return, in words, the mean and how many photographs reach the target; and the fraction that do."""
    reached = sum(map(reaches, gains.values()))
    return f"{np.mean(list(gains.values())):+.2f} dB, {reached} of {len(gains)}", reached / len(gains)


def _against_rivals(methods: Mapping[str, Rows]) -> tuple[str, bool]:
    ahead = {rival: _ahead(methods, PIXELS, rival) for rival in RIVALS}
    nearest = min(ahead, key=ahead.__getitem__)
    return f"{ahead[nearest]:+.2f} dB over {nearest}, the nearest", ahead[nearest] > 0


def _over_back_projection(methods: Mapping[str, Rows]) -> tuple[str, bool]:
    told, share = _told_share(_paired(methods, PIXELS, "back-projection"), lambda gain: gain > 0)
    return told, share >= SHARE


def _sharpness(methods: Mapping[str, Rows]) -> tuple[str, bool]:
    photograph = _mean(methods, ADVERSARY, "s3_photograph")
    sharp = {name: _mean(methods, name, "s3") for name in ("bicubic", "srcnn", PIXELS, ADVERSARY)}
    told = ", ".join(f"{name} {value:.3f}" for name, value in sharp.items())
    away = {name: abs(value - photograph) for name, value in sharp.items()}
    own = away.pop(ADVERSARY)
    return f"photograph {photograph:.3f}; {told}", own < min(away.values())


def _lost(methods: Mapping[str, Rows]) -> tuple[str, bool]:
    lost = _ahead(methods, PIXELS, ADVERSARY)
    return f"{lost:.2f} dB", lost <= MOST_LOST


def _invention(methods: Mapping[str, Rows]) -> tuple[str, bool]:
    two = (ADVERSARY, f"{SHARPENED}{ADVERSARY}")
    ratio, r = ([_mean(methods, name, figure) for name in two] for figure in ("invented", "invented_correlation"))
    told = f"r {r[0]:.2f} against {r[1]:.2f}; invented {ratio[0]:.2f} against {ratio[1]:.2f} of what was there"
    return told, r[0] > r[1]


def _agreement(methods: Mapping[str, Rows]) -> tuple[str, bool]:
    networks = [name.removesuffix(ALONE) for name in methods if name.endswith(ALONE)]
    if not networks:
        raise KeyError("a network alone")
    costs = {name: _ahead(methods, f"{name}{ALONE}", name) for name in networks}
    dearest = max(costs, key=costs.__getitem__)
    return f"{costs[dearest]:.2f} dB ({dearest})", costs[dearest] <= MOST_FOR_AGREEMENT
