"""Pictures of trainings show their curves where the numbers say."""

import json

import numpy as np
import pytest

from sr_core.errors import UserError
from sr_core.study.training.curve import COLOURS, PANEL, comparison_picture, curve_picture, read_runs


def entries(count, **changes):
    return [
        {"step": 10 * i, "loss": 2 - 0.1 * i, "gain_db": 0.1 * i, "cpu_seconds": 60.0 * i} | changes
        for i in range(1, count + 1)
    ]


def ink(picture, colour):
    rows, columns = np.nonzero((picture == colour).all(axis=2))
    return rows, columns


def test_a_runs_picture_has_loss_and_gain_and_the_adversarial_stage_two_more():
    assert curve_picture(entries(5)).shape == (2 * PANEL[1], PANEL[0], 3)
    adversarial = entries(5, discriminator=1.0, pixel_share=0.5, feature_share=0.3, adversarial_share=0.2)
    assert curve_picture(adversarial).shape == (4 * PANEL[1], PANEL[0], 3)


def test_a_falling_loss_falls_and_a_rising_gain_rises():
    rows, columns = ink(curve_picture(entries(8)), COLOURS[0])
    for above, rises in ((rows < PANEL[1], False), (rows >= PANEL[1], True)):
        y, x = rows[above], columns[above]
        assert (y[x == x.max()].mean() < y[x == x.min()].mean()) == rises


def test_the_comparison_has_a_panel_for_each_scale_and_a_colour_for_each_model():
    longer = [entry | {"gain_db": 0.5 + entry["gain_db"]} for entry in entries(8)]
    runs = {"a-x2": entries(4), "b-x2": longer, "b-x8": entries(3)}
    picture = comparison_picture(runs)
    assert picture.shape == (3 * PANEL[1], PANEL[0], 3)
    panels = [picture[i * PANEL[1] : (i + 1) * PANEL[1]] for i in range(3)]
    seen = [[len(ink(panel, colour)[0]) > 0 for colour in COLOURS[:2]] for panel in panels]
    assert seen == [[True, True], [False, False], [False, True]]
    # b ran twice as long as a
    first, second = (ink(panels[0][:300], colour)[1] for colour in COLOURS[:2])
    assert second[second < 600].max() > first[first < 600].max() + 100


def test_nothing_is_written_over_the_curves():
    """Names stand beside the plot, whatever corners the curves leave free."""
    corners = [{"cpu_seconds": 60.0 * x, "gain_db": y} for x, y in ((0, 0), (9, 0), (9, 1), (0, 1), (0, 0))]
    alone = comparison_picture({"a-x2": corners})
    beside = comparison_picture({"a-x2": corners, "b-x2": entries(5)})
    assert len(ink(alone, COLOURS[0])[0]) > 1000
    rows, columns = ink(alone, COLOURS[0])
    kept = (beside[rows, columns] == COLOURS[0]).all(axis=1)
    assert kept.mean() > 0.98  # b crosses


def test_a_run_without_a_point_yet_and_one_with_a_single_point_are_drawn():
    assert curve_picture([]).std() > 0
    assert len(ink(curve_picture(entries(1)), COLOURS[0])[0]) > 0


def write_curve(folder, name, count):
    (folder / name).mkdir(parents=True)
    (folder / name / "curve.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries(count)))


def test_runs_are_found_by_their_names_and_the_last_counts(tmp_path):
    for folder, name, count in (("a", "one-x2", 3), ("a", "two-x8", 2), ("a", "trial", 2), ("b", "one-x2", 5)):
        write_curve(tmp_path / folder, name, count)
    (tmp_path / "b" / "three-x4").mkdir()  # begun, and no point of a curve yet
    assert read_runs([tmp_path / "a", tmp_path / "b"]) == {"one-x2": entries(5), "two-x8": entries(2)}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]\n",
        '{"step": 1}\n',
        '{"cpu_seconds": "long", "gain_db": 1}\n',
        "\xff",
        '{"cpu_seconds": 1, "gain_db": NaN}\n',
        '{"cpu_seconds": 1, "gain_db": -Infinity}\n',
    ],
)
def test_a_curve_that_cannot_be_read_is_named(tmp_path, text):
    write_curve(tmp_path, "one-x2", 1)
    (tmp_path / "one-x2" / "curve.jsonl").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"curve\.jsonl: not the curve of a run"):
        read_runs([tmp_path])


def test_a_folder_without_curves_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="no learning curves"):
            read_runs([folder])
