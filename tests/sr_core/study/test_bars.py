"""The bars of the comparison, from made-up rows: which hold, which do not, and what cannot be told."""

import pytest

from sr_core.study.comparison.bars import bars_of, table_of

GAINS = {
    "bicubic": 0.0,
    "lanczos": 0.2,
    "back-projection": 0.4,
    "srcnn": 0.5,
    "srresnet": 0.6,
    "srresnet-lite": 0.9,
    "rdb-lite": 1.2,
    "rdb-lite alone": 1.25,
    "rdb-lite-gan": 0.7,
    "unsharp = rdb-lite-gan": -3.0,
}
SHARP = {"rdb-lite-gan": 0.08, "unsharp = rdb-lite-gan": 0.08}
R = {"rdb-lite-gan": 0.5, "unsharp = rdb-lite-gan": 0.1}


def rows(count=10, scale=4, regime="paper", **changes):
    """Of `count` photographs, the first of a healthy eye; `changes`: figures of all methods."""
    made = []
    for i in range(count):
        for method, gain in GAINS.items():
            figures = {"psnr": 40.0 + i + gain, "s3": SHARP.get(method, 0.02), "s3_photograph": 0.1}
            figures |= {"invented": 0.4, "invented_correlation": R.get(method, 0.3)}
            photograph = f"HRF/images/{i:02d}_{'h' if i == 0 else 'dr'}.jpg"
            made.append({"regime": regime, "scale": scale, "photograph": photograph, "method": method} | figures)
    return made


def changed(made, method, figure, by, first=None):
    """The rows with one method's figure changed on the first photographs, or on all."""
    photographs = list(dict.fromkeys(row["photograph"] for row in made))[:first]
    here = (row["method"] == method and row["photograph"] in photographs for row in made)
    return [row | {figure: row[figure] + by} if at else row for row, at in zip(made, here, strict=True)]


ALL = rows() + rows(regime="viewer")
WHAT = ("over bicubic", "against lanczos", "own size", "its S3", "lost", "unsharp", "agreement")


def bar(made, what):
    (found,) = [bar for bar in bars_of(made) if what in bar.what]
    return found


def test_every_bar_holds_where_all_is_well():
    bars = bars_of(ALL)
    assert [next(what for what in WHAT if what in bar.what) for bar in bars] == list(WHAT)
    assert all(bar.holds for bar in bars), bars
    assert bar(ALL, "over bicubic").measured == "+1.20 dB, 10 of 10; healthy eyes +1.20 dB, 1 of 1"
    assert bar(ALL, "against lanczos").measured == "+0.30 dB over srresnet-lite, the nearest"
    assert bar(ALL, "agreement").measured == "0.05 dB (rdb-lite)"
    table = table_of(bars)
    assert table.count(" | yes |") == len(bars) == len(table.splitlines()) - 2


@pytest.mark.parametrize(
    ("what", "worse"),
    [
        ("over bicubic", changed(ALL, "rdb-lite", "psnr", -0.15, first=2)),
        ("against lanczos", changed(ALL, "srresnet-lite", "psnr", 0.4)),
        ("own size", changed(ALL, "rdb-lite", "psnr", -0.85, first=2)),
        ("its S3", changed(ALL, "srcnn", "s3", 0.07)),
        ("its S3", changed(ALL, "rdb-lite-gan", "s3", 0.11)),
        ("lost", changed(ALL, "rdb-lite-gan", "psnr", -0.6)),
        ("unsharp", changed(ALL, "unsharp = rdb-lite-gan", "invented_correlation", 0.5)),
        ("agreement", changed(ALL, "rdb-lite alone", "psnr", 0.06)),
    ],
)
def test_a_bar_does_not_hold_where_it_is_missed(what, worse):
    assert not bar(worse, what).holds
    assert " | no |" in table_of(bars_of(worse))


def test_one_photograph_in_ten_may_miss():
    assert bar(changed(ALL, "rdb-lite", "psnr", -0.15, first=1), "over bicubic").holds


def test_what_was_not_measured_does_not_hold_and_is_named():
    without = [row for row in ALL if row["method"] != "srcnn"]
    assert bar(without, "against lanczos").measured == "not measured: no rows of srcnn"
    assert not bar(without, "against lanczos").holds
    assert bar(without, "over bicubic").holds
    assert bar(rows(), "own size").measured.startswith("not measured")
    assert not bar([row for row in ALL if row["method"] != "rdb-lite alone"], "agreement").holds


def test_scales_have_bars_of_their_own_and_x8_none_in_the_photographs_own_size():
    made = rows(scale=2) + rows(scale=8)
    bars = bars_of(made)
    assert len(bars) == 7 + 6
    assert "at least +1.0 dB" in bars[0].bar
    assert "at least +1.5 dB" in bars[7].bar
    assert not bars[7].holds
