"""The file's regime as people read it: tables in Markdown, what was to be reached, and a figure of real files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sr_core.errors import UserError
from sr_core.networks.names import DEFAULT_MODEL
from sr_core.study.comparison.bars import Bar, table_of
from sr_core.study.comparison.report import set_of, title
from sr_core.study.comparison.rivals import BICUBIC

LEAST_GAINS = {
    2: {"q95": 0.5, "q90": 0.7, "q75": 1.0, "q50": 1.2},
    4: {"q95": 0.9, "q90": 1.1, "q75": 1.3, "q50": 1.4},
    8: {"q95": 1.3, "q90": 1.4, "q75": 1.5, "q50": 1.5},
}
"""dB over bicubic of the decoded file that the told network is to gain on HRF in the mean, by scale and coding."""

LEAST_LUMA, LEAST_CHROMA = 0.998, 0.999
"""Shares of the file's numbers that its pictures are to have."""

MOST_BORDER_SAVED = 1.25
"""Block-border ratio at x4 of photographs saved at their own size at quality 90 and 95."""

MOST_BORDER = {"HRF": 1.25, "IDRiD": 1.5}
"""The same of a set's own files."""

CODINGS = {"q95": "quality 95", "q95 4:4:4": "95, chroma whole", "q90": "90", "q75": "75", "q50": "50"}

SHOWN = "q90"
"""The coding that documents show every measure of."""

_MARKED = re.compile(
    r"(<!-- results of (?P<set>\S+): (?P<kind>file|file-short|real|file-bars) -->\n).*?(<!-- end of results -->)",
    re.DOTALL,
)

HOW_TO_READ = """\
Photographs at short side 1024, reduced, saved by libjpeg (chroma halved each way but where it is told) and opened.
Gains are over bicubic of the decoded file, PSNR inside the field of view, in dB: mean [95 % bootstrap interval].
SSIM and S3 as in the other regimes, S3 in the middle 512 x 512; S3 rewards noise and blocks. Blocks: how much steeper
luma changes across the borders of the file's blocks than elsewhere; 1 shows none. Luma, chroma: share of the file's own
numbers that the picture, shrunk and coded again with the file's tables, gives. Departs: mean over the pixels of the
largest |SR - W+ y| of the channels, y the decoded photograph, grey levels. tv-cell: total variation within the file's
cell, then bicubic; "alone": the network held to nothing; networks that know nothing of files are held to the decoded
pixels, as they are shown. s: seconds for a photograph, mean, beside other programs."""

Summaries = Sequence[Mapping[str, Any]]


def markdown(results: Mapping[str, Any]) -> str:
    """The whole report of a results file."""
    machine = results["machine"]
    parts = [
        "# Results: the file's regime",
        f"`{results['command']}`",
        f"{len(results['photographs'])} photographs. {machine['processor']}, {machine['threads']} threads. Every "
        "photograph's figures, checksums and versions: files.json.",
        HOW_TO_READ,
        "## What was to be reached",
        table_of(bars_of(results)),
    ]
    for group in dict.fromkeys(summary["set"] for summary in results["summary"]):
        mine = [summary for summary in results["summary"] if summary["set"] == group]
        parts.append(f"## {group}")
        parts += _against_truth(mine, tuple(CODINGS))
        parts += [_all_photographs(mine), *_own_size(mine)]
    return "\n\n".join(part for part in parts if part) + "\n"


def fill(document: str, results: Mapping[str, Any]) -> str:
    """A Markdown document with the tables of a results file between each two lines of the form

    ``<!-- results of HRF: file -->`` (gains of every method at every coding, and every measure at one), ``file-short``
    (gains on all photographs alone), ``real`` (that set's files at their own size) or ``file-bars`` (of all sets: what
    was to be reached, and was), and ``<!-- end of results -->``; the rest is left as it is. Raises UserError where
    there are no such lines, and where the results do not have that set.
    """
    if not _MARKED.search(document):
        raise UserError("no lines '<!-- results of SET: file -->' and '<!-- end of results -->' to fill; write them")

    def filled(match: re.Match) -> str:
        mine = [summary for summary in results["summary"] if summary["set"] == match["set"]]
        if match["kind"] == "file-bars":
            parts = [table_of(bars_of(results))]
        elif not mine:
            raise UserError(f"the results have no photographs of {match['set']}; name another set")
        elif match["kind"] == "real":
            parts = _own_size(mine)
        else:
            every_method = _against_truth(mine, (SHOWN,)) if match["kind"] == "file" else ()
            parts = [*every_method, _all_photographs(mine)]
        text = "\n\n".join(part for part in parts if part)
        return f"{match[1]}\n`{results['command']}`\n\n{text}\n\n{match[4]}"

    return _MARKED.sub(filled, document)


def _against_truth(mine: Summaries, codings: Sequence[str]) -> Iterator[str]:
    """Of every scale the gains at every coding, and at some codings every measure."""
    rows = [summary for summary in mine if summary["kind"] == "truth"]
    for scale in dict.fromkeys(row["scale"] for row in rows):
        here = [row for row in rows if row["scale"] == scale]
        yield f"**x{scale}**, {_count(here[0])}, gain over bicubic of the decoded file, dB"
        yield _gains(here)
        for coding in codings:
            yield f"x{scale}, {CODINGS[coding] if coding.startswith('q95') else 'quality ' + CODINGS[coding]}:"
            yield _measures([row for row in here if row["coding"] == coding])


def _gains(rows: Summaries) -> str:
    found = {(row["method"], row["coding"]): row for row in rows}
    lines = ["| method | " + " | ".join(CODINGS.values()) + " |", "| --- |" + " ---: |" * len(CODINGS)]
    for method in dict.fromkeys(row["method"] for row in rows):
        if method != BICUBIC:
            cells = (_gain(found.get((method, coding))) for coding in CODINGS)
            lines.append(f"| {title(method)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _gain(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    gain = row["over_bicubic"]
    return f"{gain['mean']:+.2f} [{gain['low']:+.2f}, {gain['high']:+.2f}]"


def _measures(rows: Summaries) -> str:
    lines = ["| method | PSNR, dB | SSIM | S3 (photograph's) | blocks | luma | chroma | s |", "| --- |" + " ---: |" * 7]
    for row in rows:
        cells = (
            title(row["method"]),
            f"{row['psnr']:.2f}",
            f"{row['ssim']:.4f}",
            f"{row['s3']:.3f} ({row['s3_photograph']:.3f})",
            f"{row['border']:.2f}",
            f"{row['luma_agrees']:.2%}",
            f"{row['chroma_agrees']:.2%}",
            f"{row['seconds']:.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _all_photographs(mine: Summaries) -> str:
    """Networks on all photographs: mean gain and the least."""
    rows = [row for row in mine if row["kind"] == "psnr" and row["method"] != BICUBIC]
    if not rows:
        return ""
    lines = [
        "Gain over bicubic of the decoded file, mean (least), dB:\n",
        "| network | photographs | " + " | ".join(CODINGS.values()) + " |",
        "| --- | ---: |" + " ---: |" * len(CODINGS),
    ]
    found = {(row["method"], row["scale"], row["coding"]): row for row in rows}
    for method, scale in dict.fromkeys((row["method"], row["scale"]) for row in rows):
        here = [found[method, scale, coding] for coding in CODINGS]
        gains = (row["over_bicubic"] for row in here)
        cells = (f"{gain['mean']:+.2f} ({gain['least']:+.2f})" for gain in gains)
        lines.append(f"| `{method}` x{scale} | {here[0]['photographs']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _own_size(mine: Summaries) -> list[str]:
    """Real files as they are, and vessels of photographs saved."""
    real, blocks, vessels = ([row for row in mine if row["kind"] == kind] for kind in ("real", "blocks", "vessels"))
    parts = []
    if real:
        lines = ["| method | blocks | departs | luma | chroma |", "| --- |" + " ---: |" * 4]
        for row in real:
            figures = (
                f"{row['border']:.2f} | {row['departure']:.2f} | {row['luma_agrees']:.2%} | {row['chroma_agrees']:.2%}"
            )
            lines.append(f"| {title(row['method'])} | {figures} |")
        what = f"Its own files at their own size, x{real[0]['scale']}, {_count(real[0])}:"
        parts += [what, "\n".join(lines)]
    if blocks:
        lines = ["| method | blocks | worst photograph |", "| --- | ---: | ---: |"]
        lines += [f"| {title(row['method'])} | {row['border']:.2f} | {row['border_most']:.2f} |" for row in blocks]
        parts += [f"The same, all {blocks[0]['photographs']} photographs:", "\n".join(lines)]
    if vessels:
        heads = "saved", "method", "blocks", "worst photograph", "vessels' contrast, grey levels"
        lines = [f"| {' | '.join(heads)} |", "| --- | --- | ---: | ---: | ---: |"]
        for row in vessels:
            figures = f"{row['border']:.2f} | {row['border_most']:.2f} | {row['contrast']:.2f}"
            lines.append(f"| {_saved(row['coding'])} | {title(row['method'])} | {figures} |")
        what = f"At their own size, saved again, x{vessels[0]['scale']}, {_count(vessels[0])}:"
        parts += [what, "\n".join(lines)]
    return parts


def _count(row: Mapping[str, Any]) -> str:
    return f"{row['photographs']} photograph{'s' if row['photographs'] != 1 else ''}"


def _saved(coding: str) -> str:
    told = CODINGS[coding]
    return told if told.startswith("quality") else f"quality {told}"


def bars_of(results: Mapping[str, Any]) -> list[Bar]:
    """What the told network is to reach; a bar whose rows are not there is left out."""
    rows = results["summary"]
    return [bar for scale in LEAST_GAINS for bar in _bars_at(rows, scale)] + list(_own_size_bars(results))


def _bars_at(rows: Summaries, scale: int) -> Iterator[Bar]:
    own = [row for row in rows if row["method"] == DEFAULT_MODEL and row["scale"] == scale]
    gains = {(row["set"], row["coding"]): row["over_bicubic"] for row in own if row["kind"] == "psnr"}
    least = LEAST_GAINS[scale]
    if all(("HRF", coding) in gains for coding in least):
        found = [gains["HRF", coding]["mean"] for coding in least]
        what = f"`{DEFAULT_MODEL}` x{scale}, HRF, over bicubic at quality 95, 90, 75 and 50"
        bar, told = (
            ", ".join(f"{gain:+.{digits}f}" for gain in values) for values, digits in ((least.values(), 1), (found, 2))
        )
        holds = all(gain >= bound for gain, bound in zip(found, least.values(), strict=True))
        yield Bar(what, f"at least {bar} dB", f"{told} dB", holds)
    if gains:
        (group, coding), worst = min(gains.items(), key=lambda item: item[1]["least"])
        counts = {row["set"]: row["photographs"] for row in own if row["kind"] == "psnr"}
        told = f"{sum(counts.values())} photographs, least {worst['least']:+.2f} dB ({group}, {_saved(coding)})"
        yield Bar(
            f"`{DEFAULT_MODEL}` x{scale}, every photograph at every coding", "above bicubic", told, worst["least"] > 0
        )
    truth = [row for row in own if row["kind"] == "truth"]
    if truth:
        luma, chroma = (min(row[name] for row in truth) for name in ("luma_agrees", "chroma_agrees"))
        bar = f"at least {LEAST_LUMA:.1%} and {LEAST_CHROMA:.1%}"
        holds = luma >= LEAST_LUMA and chroma >= LEAST_CHROMA
        what = f"`{DEFAULT_MODEL}` x{scale}, the file's own numbers, luma and chroma, worst set and coding"
        yield Bar(what, bar, f"{luma:.2%} and {chroma:.2%}", holds)


def _own_size_bars(results: Mapping[str, Any]) -> Iterator[Bar]:
    rows = {(row["kind"], row["set"], row["coding"], row["method"]): row for row in results["summary"]}

    def two(kind: str, group: str, coding: str) -> list[Mapping[str, Any]]:
        found = (rows.get((kind, group, coding, method)) for method in (BICUBIC, DEFAULT_MODEL))
        return [row for row in found if row is not None]

    for coding in ("q95", "q90"):
        if len(pair := two("vessels", "HRF", coding)) == 2:
            what = f"HRF saved at {_saved(coding)}, own size, x4"
            yield _blocks(what, pair, MOST_BORDER_SAVED, results["rows"])
            bicubic, own = (row["contrast"] for row in pair)
            told = f"{own:.3f} against {bicubic:.3f} grey levels, {_won(results['rows'], coding)}"
            yield Bar(f"{what}: vessels' contrast", "no lower than bicubic's", told, own >= bicubic)
    for group, most in MOST_BORDER.items():
        if len(pair := two("blocks", group, "its own")) == 2:
            yield _blocks(f"{group}'s own files, x4", pair, most, results["rows"])


def _blocks(what: str, pair: Summaries, most: float, rows: Summaries) -> Bar:
    bicubic, own = pair
    kinds = ("real", "blocks") if own["kind"] == "blocks" else (own["kind"],)
    ratios = [
        row["border"]
        for row in rows
        if row["kind"] in kinds and set_of(row["photograph"]) == own["set"]
        if (row["coding"], row["method"]) == (own["coding"], own["method"])
    ]
    within = f"{sum(ratio <= most for ratio in ratios)} of {len(ratios)} photographs"
    told = f"{own['border']:.2f}, worst {own['border_most']:.2f}, {within} (bicubic {bicubic['border']:.2f})"
    return Bar(f"{what}: blocks", f"at most {most}", told, own["border"] <= most)


def _won(rows: Summaries, coding: str) -> str:
    contrast = {
        (row["photograph"], row["method"]): row["contrast"]
        for row in rows
        if row["kind"] == "vessels" and row["coding"] == coding
    }
    names = dict.fromkeys(name for name, _ in contrast)
    won = sum(contrast[name, DEFAULT_MODEL] >= contrast[name, BICUBIC] for name in names)
    return f"{won} of {len(names)} photographs"
