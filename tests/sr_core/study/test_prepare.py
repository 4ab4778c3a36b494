"""Data preparation on small made-up folders of every layout, its screen, its division, and its failures."""

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import resize, to_uint8
from sr_core.study.data import prepare as prepare_module
from sr_core.study.data.datasets import survey
from sr_core.study.data.prepare import Prepared, PrepareError, divide, parse_short_side, prepare
from sr_core.study.data.quality import LEAST_SHARPNESS, fingerprint, measure_quality, same_photographs
from sr_core.study.data.references import (
    NATIVE,
    PARTS,
    DataError,
    cut_reference,
    is_test_image,
    load_references,
    load_split,
)
from tests.helpers.children import members, started
from tests.helpers.places import ROOT
from tests.rig import PATIENCE, wait_until
from vr_app.commands.data import data

SIDE = 128


def eye(seed: int, height: int = 150, width: int = 170) -> np.ndarray:
    """A field of view with structures of every size on a black surround, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    tissue = np.full((height, width), 100.0)
    for sigma, strength in ((0.7, 26), (3, 35), (12, 90)):
        tissue += strength * sigma * gaussian_filter(rng.standard_normal((height, width)), sigma)
    inside = FieldOfView(width / 2, height / 2, 70).mask((height, width))
    return to_uint8((tissue * inside)[..., None] * np.array([1.4, 0.9, 0.5]))


def photographs(root: Path, *names: str) -> Path:
    """Files of these names below root, each another eye, in the format of its suffix."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"quality": 95} if path.suffix.lower() in (".jpg", ".jpeg") else {}
        seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
        Image.fromarray(eye(seed)).save(path, **options)
    return root


def run(source: Path, out: Path, **options):
    return prepare(source, out, **{"short_side": SIDE, **options})


def manifest(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())


LAYOUTS = {
    "eyepacs": (
        ["train/10_left.jpeg", "train/10_right.jpeg", "train/13_left.jpeg", "test/1_right.jpeg"],
        [],
        {"10": "left right", "13": "left", "1": "right"},
        ["EyePACS/test/1_right.png"],
    ),
    "hrf": (
        ["images/01_h.jpg", "images/05_dr.JPG", "images/06_g.jpg", "images/06_h.jpg"],
        ["manual1/01_h.tif", "mask/01_h_mask.tif"],
        {"01_h": "", "05_dr": "", "06_g": "", "06_h": ""},
        ["HRF/images/01_h.png", "HRF/images/05_dr.png"],
    ),
    "idrid": (
        [
            "A. Segmentation/1. Original Images/a. Training Set/IDRiD_54.jpg",
            "A. Segmentation/1. Original Images/b. Testing Set/IDRiD_55.jpg",
            "B. Disease Grading/1. Original Images/a. Training Set/IDRiD_001.jpg",
            "B. Disease Grading/1. Original Images/b. Testing Set/IDRiD_001.jpg",
        ],
        ["A. Segmentation/2. All Segmentation Groundtruths/a. Training Set/1. Microaneurysms/IDRiD_54_MA.tif"],
        {
            "segmentation_training-54": "",
            "segmentation_testing-55": "",
            "grading_training-001": "",
            "grading_testing-001": "",
        },
        ["IDRiD/grading_testing/IDRiD_001.png", "IDRiD/segmentation_testing/IDRiD_55.png"],
    ),
    "chase": (
        ["Image_01L.jpg", "Image_01R.jpg", "Image_02L.jpg", "Image_11R.jpg"],
        ["Image_01L_1stHO.png", "Image_01L_2ndHO.png"],
        {"01": "left right", "02": "left", "11": "right"},
        ["CHASE_DB1/Image_11R.png"],
    ),
    "drive": (
        ["training/images/21_training.tif", "training/images/22_training.tif", "test/images/01_test.tif"],
        ["training/mask/21_training_mask.png"],
        {"21": "", "22": "", "01": ""},
        ["DRIVE/test/01.png"],
    ),
    "stare": (
        ["im0001.png", "im0002.png", "im0003.png"],
        ["labels-ah/im0001.ah.png"],
        {"0001": "", "0002": "", "0003": ""},
        None,
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("given", ["auto", "named"])
def test_every_layout_is_known_by_its_names(tmp_path, layout, given):
    names, others, patients, tests = LAYOUTS[layout]
    source = photographs(tmp_path / "in", *names, *others)
    result = run(source, tmp_path / "out", layout="auto" if given == "auto" else layout)
    assert result.survey.layout == layout
    assert result.survey.others == tuple(sorted(others))
    assert result.left_out == ()
    images = manifest(tmp_path / "out")["images"]
    assert sorted(image["source"] for image in images) == sorted(names)
    eyes = {}
    for image in images:
        eyes.setdefault(image["patient"], []).append(image["eye"])
    assert {patient: " ".join(sorted(those)) for patient, those in eyes.items()} == patients
    if tests is not None:
        assert sorted(image["file"] for image in images if image["split"] == "test") == tests


def test_the_shared_folders_short_names_and_data_sets_side_by_side(tmp_path):
    source = photographs(
        tmp_path / "in",
        "HRF/images/01_h.jpg",
        "HRF/images/09_h.jpg",
        "IDRiD/segmentation_training/IDRiD_01.jpg",
        "IDRiD/segmentation_testing/IDRiD_81.jpg",
        "IDRiD/grading_q75/IDRiD_087.jpg",
        "demo/other.jpg",
    )
    found = survey(source)
    assert found.layout == "hrf+idrid"
    assert found.others == ("demo/other.jpg",)
    assert {entry.file: entry.test for entry in found.entries} == {
        "HRF/images/01_h.png": True,
        "HRF/images/09_h.png": False,
        "IDRiD/grading_q75/IDRiD_087.png": False,
        "IDRiD/segmentation_testing/IDRiD_81.png": True,
        "IDRiD/segmentation_training/IDRiD_01.png": False,
    }
    assert all(is_test_image(entry.file) == entry.test for entry in found.entries)


def test_test_photographs_are_known_without_their_folders(tmp_path):
    """HRF's images and IDRiD's segmentation tests stay tests where a user names the inner folder."""
    assert survey(photographs(tmp_path / "a", "01_h.jpg", "07_h.jpg")).entries[0].test
    assert survey(photographs(tmp_path / "b", "IDRiD_54.jpg", "IDRiD_55.jpg")).entries[1].test


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_data_set_is_known_however_deep_it_lies_and_its_tests_from_inside(tmp_path, layout):
    names, others, _, _ = LAYOUTS[layout]
    deep = photographs(tmp_path / "my testing area", *(f"a/b/{name}" for name in [*names, *others]))
    shallow = photographs(tmp_path / "in", *names, *others)
    for given in ("auto", layout):
        below, here = survey(deep, given), survey(shallow, given)
        assert below.layout == here.layout == layout
        assert below.others == tuple(f"a/b/{name}" for name in sorted(others))
        assert [entry.file for entry in below.entries] == [entry.file for entry in here.entries]
    tests = {entry.source: entry.file for entry in here.entries if entry.test}
    for folder in {Path(name).parent for name in tests} - {Path()}:
        found = survey(shallow / folder).entries
        assert {entry.file for entry in found if entry.test} >= {
            file for name, file in tests.items() if Path(name).parent == folder
        }


@pytest.mark.parametrize("odd", ["12_left.jpg", "a/im0001.jpg", "11_h.jpg"])
def test_one_familiar_name_does_not_take_over_a_folder(tmp_path, odd):
    names = [f"visit_{number:03}.jpg" for number in range(5)]
    found = survey(photographs(tmp_path / "in", *names, odd))
    assert found.layout == "folder"
    assert len(found.entries) == 6


def test_a_data_sets_tests_stay_tests_in_a_folder_of_others(tmp_path):
    names = [f"visit_{number:03}.jpg" for number in range(5)]
    found = survey(photographs(tmp_path / "in", *names, "DRIVE/test/images/01_test.tif"))
    assert [entry.source for entry in found.entries if entry.test] == ["DRIVE/test/images/01_test.tif"]


def test_links_are_followed_once_and_closed_folders_are_told(tmp_path, monkeypatch):
    there = photographs(tmp_path / "there", "one.png")
    source = photographs(tmp_path / "in", "two.png", "shut/three.png")
    (source / "linked").symlink_to(there)
    (there / "back").symlink_to(source)
    scandir = os.scandir

    def shut(path):  # root reads everything, so a mode says nothing
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", shut)
    found = survey(source)
    assert [entry.source for entry in found.entries] == ["linked/one.png", "two.png"]
    assert found.closed == ("shut/: Permission denied",)
    with pytest.raises(DataError, match="shut: Permission denied; name a readable folder"):
        survey(source / "shut")


def test_a_plain_folder_pairs_eyes_by_name(tmp_path):
    names = ["a/p1_left.png", "a/p1_right.png", "a/p2-OD.png", "a/p2-OS.png", "b/p1_L.png", "b/angel.png", "b/7R.png"]
    found = survey(photographs(tmp_path / "in", *names))
    assert found.layout == "folder"
    assert [(entry.patient, entry.eye) for entry in found.entries] == [
        ("a/p1", "left"),
        ("a/p1", "right"),
        ("a/p2", "right"),
        ("a/p2", "left"),
        ("b/7", "right"),
        ("b/angel", ""),
        ("b/p1", "left"),
    ]


@pytest.mark.parametrize(
    ("names", "patient"),
    [
        (("p4/left.png", "p4/right.png"), "p4"),
        (("p4/OD.png", "p4/OS.png"), "p4"),
        (("left/p4.png", "right/p4.png"), "p4"),
        (("OD_p4.png", "OS_p4.png"), "p4"),
        (("p4_left_1.png", "p4_right_2.png"), "p4"),
        (("SmithL.png", "SmithRight.png"), "Smith"),
    ],
)
def test_a_patients_eyes_are_paired_wherever_the_name_tells_the_side(tmp_path, names, patient):
    entries = survey(photographs(tmp_path / "in", *names, "bright.png", "cleft.png"), "folder").entries
    assert {entry.source: entry.patient for entry in entries} == dict.fromkeys(names, patient) | {
        "bright.png": "bright",
        "cleft.png": "cleft",
    }
    assert sorted(entry.eye for entry in entries) == ["", "", "left", "right"]


def test_names_that_differ_in_suffix_alone_get_files_of_their_own(tmp_path):
    source = photographs(tmp_path / "in", "one.png", "one.jpg", "two.png")
    files = [entry.file for entry in survey(source).entries]
    assert len(set(files)) == 3
    run(source, tmp_path / "out")
    assert all((tmp_path / "out" / file).is_file() for file in files)


def test_eyepacs_grades_are_the_groups(tmp_path):
    source = photographs(tmp_path / "in", "train/10_left.jpeg", "train/10_right.jpeg")
    table = source / "trainLabels.csv"
    table.write_text("image,level\n10_left,0\n10_right,4\n")
    assert [entry.group for entry in survey(source).entries] == ["dr0", "dr4"]
    table.write_text("image,level\n10_left,much\n")
    with pytest.raises(DataError, match=r"trainLabels\.csv: not EyePACS's table"):
        survey(source)


def test_what_is_written_agrees_with_the_pixels(tmp_path):
    source = photographs(tmp_path / "in", "p1_left.jpg", "p2_left.jpg")
    run(source, tmp_path / "out")
    book = manifest(tmp_path / "out")
    for image in book["images"]:
        original, made = load_photograph(source / image["source"]), load_photograph(tmp_path / "out" / image["file"])
        assert (original.sha256, made.sha256) == (image["source_sha256"], image["sha256"])
        assert made.pixels.shape == (image["height"], image["width"], 3) == (SIDE, SIDE, 3)
        assert image["field"] == pytest.approx([SIDE / 2, SIDE / 2, SIDE / 2], abs=1.5)
        assert image["quality"]["brightness"] > 50
    assert book["settings"]["short_side"] == SIDE
    assert str(tmp_path) not in json.dumps(book)


def test_the_manifest_is_a_split_file(tmp_path):
    source = photographs(tmp_path / "in", *(f"images/{n:02}_h.jpg" for n in range(3, 10)))
    run(source, tmp_path / "out")
    split = load_split(str(tmp_path / "out" / "manifest.json"))
    assert split.test == tuple(f"HRF/images/{n:02}_h.png" for n in (3, 4, 5))
    assert split.train
    assert split.validation
    assert "Budai" in split.about
    assert all((tmp_path / "out" / name).is_file() for name in (*split.train, *split.validation, *split.test))


def test_native_size_is_cropped_not_resampled(tmp_path):
    source = photographs(tmp_path / "in", "a.png", "b.png")
    run(source, tmp_path / "out", short_side=NATIVE)
    pixels = load_photograph(tmp_path / "out/photographs/a.png").pixels
    original = load_photograph(source / "a.png")
    x0, y0, x1, y1 = original.field.bounding_rect(original.pixels.shape)
    assert pixels.shape[:2] == ((y1 - y0) // 8 * 8, (x1 - x0) // 8 * 8)
    np.testing.assert_array_equal(pixels, original.pixels[y0 : y0 + pixels.shape[0], x0 : x0 + pixels.shape[1]])


def test_training_takes_a_prepared_picture_as_it_is(tmp_path):
    """The prepared folder is the data folder of its manifest: at most a rim of a few pixels is cut again."""
    source = photographs(tmp_path / "in", "a.png", "b.png", "c.png")
    run(source, tmp_path / "out")
    split = load_split(str(tmp_path / "out/manifest.json"))
    for reference in load_references(tmp_path / "out", [*split.train, *split.validation, *split.test]):
        whole = load_photograph(tmp_path / "out" / reference.name).pixels
        height, width = reference.pixels.shape[:2]
        assert min(height, width) >= SIDE - 8
        cuts = [(y, x) for y in range(SIDE - height + 1) for x in range(SIDE - width + 1)]
        assert any(np.array_equal(whole[y : y + height, x : x + width], reference.pixels) for y, x in cuts)


def test_nothing_is_enlarged(tmp_path):
    source = photographs(tmp_path / "in", "a.png", "b.png")
    Image.fromarray(eye(1, 400, 400)).resize((800, 800)).save(source / "large.png")
    result = run(source, tmp_path / "out", short_side=256)
    assert [one.source for one in result.left_out] == ["a.png", "b.png"]
    assert all(one.kind == "small" and "short side" in one.reason for one in result.left_out)
    with pytest.raises(PrepareError, match=r"none of 3 photographs can be used .* ask for less with --short-side"):
        run(source, tmp_path / "none", short_side=1024)
    assert run(source, tmp_path / "none", short_side=256).parts["train"] == 1  # the folder is not held to what failed
    assert run(source, tmp_path / "native", short_side=NATIVE).parts["train"] >= 1


def test_dark_blurred_and_overexposed_photographs_are_left_out_with_the_reason(tmp_path):
    source = photographs(tmp_path / "in", "good.png", "fine.png")
    pixels = eye(77).astype(float)
    for name, spoilt in {
        "dark": pixels / 6,
        "blurred": gaussian_filter(pixels, (4, 4, 0)),
        "bright": pixels * 5,
    }.items():
        Image.fromarray(to_uint8(spoilt)).save(source / f"{name}.png")
    result = run(source, tmp_path / "out")
    reasons = {one.source: one.reason for one in result.left_out}
    assert set(reasons) == {"dark.png", "blurred.png", "bright.png"}
    assert "too dark" in reasons["dark.png"]
    assert "too blurred" in reasons["blurred.png"]
    assert "over-exposed" in reasons["bright.png"]
    listed = manifest(tmp_path / "out")["left_out"]
    assert {one["source"]: one["reason"] for one in listed} == reasons
    assert not (tmp_path / "out" / "photographs" / "dark.png").exists()


def test_a_broken_file_is_reported_and_skipped(tmp_path):
    source = photographs(tmp_path / "in", "a.jpg", "b.jpg")
    (source / "c.jpg").write_bytes((source / "a.jpg").read_bytes()[:1500])
    (source / "d.png").write_bytes(b"")
    result = run(source, tmp_path / "out")
    assert [(one.source, one.kind) for one in result.left_out] == [("c.jpg", "unreadable"), ("d.png", "unreadable")]
    assert "damaged or cut short" in result.left_out[0].reason
    assert str(tmp_path) not in result.left_out[0].reason
    assert sum(result.parts.values()) == 2


def test_stares_pixmaps_are_read(tmp_path):
    source = photographs(tmp_path / "in", "im0002.png")
    pixels = load_photograph(source / "im0002.png").pixels
    (source / "im0002.png").unlink()
    header = b"P6 %d %d 255\n" % (pixels.shape[1], pixels.shape[0])
    (source / "im0002.ppm").write_bytes(header + pixels.tobytes())
    result = run(source, tmp_path / "out")
    assert result.survey.layout == "stare"
    assert not result.left_out
    assert sum(result.parts.values()) == 1


def test_stares_compressed_files_are_read(tmp_path):
    source = photographs(tmp_path / "in", "im0002.png", "im0003.png")
    pixels = load_photograph(source / "im0002.png").pixels
    pixmap = b"P6 %d %d 255\n" % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes()
    (source / "im0002.png").unlink()
    for number, packed in enumerate((gzip.compress(pixmap), gzip.compress(pixmap)[:5000], b"\x1f\x8b packed", b"")):
        (source / f"im000{4 + number}.ppm.gz").write_bytes(packed)
    (source / "im0009.ppm").write_bytes(pixmap[:-1] + b"7")
    (source / "im0009.ppm.gz").write_bytes(gzip.compress(pixmap))  # gunzip --keep
    result = run(source, tmp_path / "out")
    assert result.survey.layout == "stare"
    assert [entry.source for entry in result.survey.entries if "0009" in entry.source] == ["im0009.ppm"]
    assert {one.source: one.reason[:18] for one in result.left_out} == {
        "im0005.ppm.gz": "cannot be unpacked",
        "im0006.ppm.gz": "cannot be unpacked",
        "im0007.ppm.gz": "the file is empty;",
    }
    made = next(image for image in manifest(tmp_path / "out")["images"] if image["source"] == "im0004.ppm.gz")
    assert load_photograph(tmp_path / "out" / made["file"]).pixels.shape[0] == SIDE


def test_a_compressed_file_without_end_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "_MOST_UNPACKED", 1 << 20)
    source = photographs(tmp_path / "in", "im0002.png")
    (source / "im0001.ppm.gz").write_bytes(gzip.compress(bytes(3 << 20)))
    assert "holds more than 1 MiB" in run(source, tmp_path / "out").left_out[0].reason


def test_names_that_are_long_or_no_text_are_taken(tmp_path):
    source = photographs(tmp_path / "in", "a.png")
    (source / "a.png").rename(source / f"{'a' * 251}.png")
    odd = os.fsencode(photographs(tmp_path / "in", "b.png")) + b"/Mu\xf1oz.png"
    os.rename(source / "b.png", odd)
    result = run(source, tmp_path / "out")
    assert not result.left_out
    assert run(source, tmp_path / "out").resumed == 2
    assert len(load_split(str(tmp_path / "out/manifest.json")).train) == 1


def test_copies_are_left_out_and_the_test_photograph_stays(tmp_path):
    names = [f"B. Disease Grading/1. Original Images/a. Training Set/IDRiD_{n:03}.jpg" for n in (1, 2, 3)]
    source = photographs(tmp_path / "in", *names)
    test = source / "A. Segmentation/1. Original Images/b. Testing Set/IDRiD_60.jpg"
    test.parent.mkdir(parents=True)
    shutil.copy(source / names[0], test)
    result = run(source, tmp_path / "out")
    assert [(one.source, one.kind) for one in result.left_out] == [(names[0], "copy")]
    assert result.parts["test"] == 1


def test_a_photograph_under_two_names_stays_in_one_part(tmp_path):
    """Saved anew at another quality and size it is no copy byte for byte, yet training on it would leak the test."""
    names = [f"segmentation_training/IDRiD_{n:02}.jpg" for n in range(1, 6)]
    source = photographs(tmp_path / "in", *names)
    twin = source / "segmentation_testing/IDRiD_70.jpg"
    twin.parent.mkdir()
    Image.open(source / names[2]).resize((160, 141)).save(twin, quality=70)
    run(source, tmp_path / "out")
    assert {image["source"] for image in manifest(tmp_path / "out")["images"] if image["split"] == "test"} == {
        names[2],
        "segmentation_testing/IDRiD_70.jpg",
    }


def record(patient: str, number: int, test: bool = False, dataset: str = "folder") -> Prepared:
    """A record whose fingerprint is like no other's."""
    name = f"{dataset}/{patient}-{number}.png"
    sight = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest(), 16)).bytes(144).hex()
    return Prepared(name, "", name, "", dataset, patient, "", "", test, 8, 8, (4.0, 4.0, 4.0), {}, sight)


@pytest.mark.parametrize("fixed_tests", [False, True])
def test_a_patient_is_in_one_part_and_the_shares_are_kept(fixed_tests):
    records = [record(str(p), n, test=fixed_tests and p < 100) for p in range(1000) for n in range(2)]
    parts = divide(records, seed=3)
    for first, second in zip(records[::2], records[1::2], strict=True):
        assert parts[first.file] == parts[second.file]
    share = {part: count / 2000 for part, count in Counter(parts.values()).items()}
    assert share == pytest.approx({"train": 0.8, "validation": 0.1, "test": 0.1}, abs=0.03)
    if fixed_tests:
        assert all((parts[one.file] == "test") == one.test for one in records)
    assert divide(records, seed=3) == parts
    assert divide(records, seed=4) != parts


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("dataset", "others", "validating"), [("DRIVE", 20, 2), ("CHASE_DB1", 10, 1), ("HRF", 30, 3)])
def test_beside_a_data_sets_own_tests_one_patient_in_nine_validates(dataset, others, validating, seed):
    records = [record(str(p), n, p >= others, dataset) for p in range(others + 20) for n in range(2)]
    parts = divide(records, seed)
    assert all((parts[one.file] == "test") == one.test for one in records)
    counts = Counter(part for one in records if (part := parts[one.file]) != "test")
    assert counts == {"validation": 2 * validating, "train": 2 * (others - validating)}


def test_a_patients_part_does_not_hang_on_the_others():
    records = [record(str(p), 0) for p in range(200)]
    whole, half = divide(records, seed=0), divide(records[::2], seed=0)
    assert all(whole[name] == part for name, part in half.items())


def test_no_part_stays_empty_where_there_are_patients_enough():
    for count in (3, 4, 5):
        for seed in range(8):
            assert set(divide([record(str(p), 0) for p in range(count)], seed).values()) == set(PARTS)
    assert set(divide([record("only", 0)], 1).values()) <= set(PARTS)


def test_finished_photographs_are_not_made_again(tmp_path):
    source = photographs(tmp_path / "in", *(f"p{n}.png" for n in range(4)))
    out = tmp_path / "out"
    run(source, out)
    before = (out / "manifest.json").read_bytes()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    (out / "photographs/p1.png").write_bytes(b"spoilt")
    Image.fromarray(eye(99)).save(source / "p2.png")
    result = run(source, out)
    remade = {path.name for path, when in times.items() if path.stat().st_mtime_ns != when}
    assert remade == {"p1.png", "p2.png"}
    assert result.resumed == 3  # p1 became what it was
    photographs(source, "p2.png")
    run(source, out)
    assert (out / "manifest.json").read_bytes() == before


def test_another_seed_or_size_does_not_go_into_the_same_folder(tmp_path):
    source = photographs(tmp_path / "in", "a.png", "b.png")
    run(source, tmp_path / "out")
    with pytest.raises(PrepareError, match="was prepared with short_side 128, not native; choose another folder"):
        run(source, tmp_path / "out", short_side=NATIVE)
    with pytest.raises(PrepareError, match="was prepared with seed 0, not 5"):
        run(source, tmp_path / "out", seed=5)


def test_another_source_does_not_go_into_the_same_folder_whatever_its_name(tmp_path):
    source = photographs(tmp_path / "a/images", "p0.png", "p1.png", "p2.png")
    run(source, tmp_path / "out")
    other = tmp_path / "b/images"
    other.mkdir(parents=True)
    for number in range(3):
        Image.fromarray(eye(70 + number)).save(other / f"p{number}.png")
    before = manifest(tmp_path / "out")
    with pytest.raises(PrepareError, match=r"prepared from another source: none of its 3 photographs is in .*b/images"):
        run(other, tmp_path / "out")
    assert manifest(tmp_path / "out") == before
    source = source.rename(tmp_path / "a/renamed")
    assert run(source, tmp_path / "out").resumed == 3


def test_photographs_that_left_the_source_are_told(tmp_path):
    source = photographs(tmp_path / "in", *(f"p{n}.png" for n in range(4)))
    words = ["prepare", str(source), str(tmp_path / "out"), "--short-side", str(SIDE), "--workers", "1"]
    assert CliRunner().invoke(data, words).exit_code == 0
    (source / "p1.png").unlink()
    answer = CliRunner().invoke(data, words)
    assert "1 photographs that were prepared before are no longer in the source, for example p1.png" in answer.stderr
    assert (tmp_path / "out/photographs/p1.png").is_file()
    assert len(manifest(tmp_path / "out")["images"]) == 3


def test_workers_give_the_same_folder_as_one_process(tmp_path):
    source = photographs(tmp_path / "in", *(f"p{n}.png" for n in range(5)))
    (source / "broken.png").write_bytes(b"nothing")
    run(source, tmp_path / "one")
    told = []
    run(source, tmp_path / "two", workers=2, report=lambda done, count: told.append((done, count)))
    assert told == [(n, 6) for n in range(1, 7)]
    assert (tmp_path / "one/manifest.json").read_bytes() == (tmp_path / "two/manifest.json").read_bytes()


PROGRAM = """
import sys
from pathlib import Path
from sr_core.study.data.prepare import prepare

def main():
    def report(done, count):
        print(done, flush=True)
    try:
        prepare(Path(sys.argv[1]), Path(sys.argv[2]), short_side=128, workers=int(sys.argv[3]), report=report)
    except KeyboardInterrupt:
        sys.exit(130)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_it_cleans_up_and_goes_on(tmp_path, workers):
    source, out = photographs(tmp_path / "in", *(f"p{n:02}.png" for n in range(40))), tmp_path / "out"
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(source), str(out), str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with started(command, env=environment) as program:
        assert program.stdout.readline() == "1\n"
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does: to the workers too
        _, said = program.communicate(timeout=PATIENCE)
    assert program.returncode == 130, said
    assert "Traceback" not in said
    assert not (out / "manifest.json").exists()
    assert not list(out.rglob(".*.png"))
    noted = len((out / "prepared.jsonl").read_text().splitlines()) - 1
    assert 1 <= noted < 40
    result = run(source, out)
    assert result.resumed >= noted
    assert sum(result.parts.values()) == 40
    assert not (out / "prepared.jsonl").exists()


@pytest.mark.parametrize("end", ["twice", "killed"])
def test_ended_at_once_it_leaves_no_process_behind(tmp_path, end):
    source, out = photographs(tmp_path / "in", *(f"p{n:02}.png" for n in range(40))), tmp_path / "out"
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(source), str(out), "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with started(command, stderr=subprocess.DEVNULL, env=environment) as program:
        assert program.stdout.readline() == "1\n"
        if end == "killed":
            program.kill()
        else:
            os.killpg(program.pid, signal.SIGINT)
            time.sleep(0.05)
            os.killpg(program.pid, signal.SIGINT)
        program.wait(timeout=PATIENCE)
        wait_until(lambda: not members(program.pid), "the end of the workers")
    assert run(source, out).parts["train"] > 0


EDITS = {
    "settings": ("settings", "x"),
    "no list": ("images", "x"),
    "no photograph": ("images", ["x"]),
    "left out": ("left_out", [5]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_manifest_edited_by_hand_is_refused_in_one_line(tmp_path, edit):
    source, out = photographs(tmp_path / "in", "a.png", "b.png"), tmp_path / "out"
    run(source, out)
    key, value = EDITS[edit]
    text = json.dumps(manifest(out) | {key: value})
    (out / "manifest.json").write_text(text)
    with pytest.raises(PrepareError, match=r"^[^\n]*manifest\.json: not a manifest of this program[^\n]{,200}$"):
        run(source, out)
    assert (out / "manifest.json").read_text() == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("field", [1]),
        ("field", "abc"),
        ("quality", None),
        ("width", "a"),
        ("fingerprint", "zz"),
        ("fingerprint", "00ff"),
        ("fingerprint", None),
        ("source", ["a"]),
        ("test", "yes"),
        ("sha256", None),
    ],
)
def test_a_record_edited_by_hand_is_refused_in_one_line(tmp_path, key, value):
    source, out = photographs(tmp_path / "in", "a.png", "b.png"), tmp_path / "out"
    run(source, out)
    book = manifest(out)
    book["images"][1][key] = value
    (out / "manifest.json").write_text(json.dumps(book))
    with pytest.raises(PrepareError, match="not a manifest of this program"):
        run(source, out)


@pytest.mark.parametrize("text", ["", "5\n", "[]\n", '{"settings": "x"}\n', '{"settings": {}}\n"a"\n'])
def test_a_journal_that_is_none_is_refused_in_one_line(tmp_path, text):
    source, out = photographs(tmp_path / "in", "a.png"), tmp_path / "out"
    out.mkdir()
    (out / "prepared.jsonl").write_text(text)
    with pytest.raises(PrepareError, match="not a journal of this program"):
        run(source, out)
    (out / "prepared.jsonl").unlink()
    (out / "prepared.jsonl").mkdir()
    with pytest.raises(PrepareError, match="cannot be read"):
        run(source, out)


def test_a_torn_journal_and_a_killed_writers_file_do_no_harm(tmp_path):
    source, out = photographs(tmp_path / "in", "a.png", "b.png", "c.png"), tmp_path / "out"
    run(source, out)
    book = manifest(out)
    lines = [{"settings": book["settings"]}, *({k: v for k, v in i.items() if k != "split"} for i in book["images"])]
    (out / "manifest.json").unlink()
    (out / "prepared.jsonl").write_text("\n".join(map(json.dumps, lines))[:-40])
    (out / "photographs/.c-abcd_123.png").write_bytes(b"half")
    (out / "photographs/.mine.png").write_bytes(b"the user's")
    assert run(source, out).resumed >= 2
    assert manifest(out) == book
    assert [path.name for path in out.rglob(".*.png")] == [".mine.png"]


def test_a_full_disk_is_one_line_and_nothing_finished_is_lost(tmp_path):
    """A limit on the size of files stands for the full disk: the writing itself fails, as there."""
    source, out = photographs(tmp_path / "in", "a.png", "b.png"), tmp_path / "out"
    Image.fromarray(np.random.default_rng(0).integers(60, 200, (900, 900, 3), dtype=np.uint8)).save(source / "c.png")
    code = (
        "import resource, sys; from pathlib import Path; from sr_core.study.data.prepare import prepare\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try: prepare(Path(sys.argv[1]), Path(sys.argv[2]), short_side=0)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(source), str(out)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith(f"PrepareError {out}/photographs/c.png: cannot be written (File too large)")
    assert "the same command resumes" in answer.stdout
    assert answer.stdout.count("\n") == 1
    assert not list(out.rglob(".*.png"))
    assert run(source, out, short_side=NATIVE).resumed == 2


def test_wrong_places_are_refused_before_anything_is_done(tmp_path):
    source = photographs(tmp_path / "in", "a.png")
    for out in (source, source / "out", tmp_path):
        with pytest.raises(PrepareError, match="folder overlap"):
            run(source, out)
    with pytest.raises(PrepareError, match="no such folder"):
        run(tmp_path / "missing", tmp_path / "out")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for place in (tmp_path / ("x" * 300), tmp_path / "circle"):
        with pytest.raises(PrepareError, match="cannot be used"):
            run(place, tmp_path / "out")
    with pytest.raises(PrepareError, match="is a file"):
        run(source / "a.png", tmp_path / "out")
    (tmp_path / "file").write_text("x")
    with pytest.raises(PrepareError, match="cannot be used"):
        run(source, tmp_path / "file")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("x")
    with pytest.raises(PrepareError, match="not empty and not a prepared folder"):
        run(source, full)
    (full / "manifest.json").write_text("{}")
    with pytest.raises(PrepareError, match="not a manifest of this program"):
        run(source, full)
    assert (full / "mine.txt").read_text() == "x"


def test_empty_folders_and_unknown_layouts_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="no pictures in this folder"):
        run(tmp_path / "in", tmp_path / "out")
    photographs(tmp_path / "in", "a.png")
    with pytest.raises(DataError, match="no such layout; choose one of auto, folder, eyepacs"):
        run(tmp_path / "in", tmp_path / "out", layout="messidor")
    with pytest.raises(DataError, match=r"no photograph is named as in layout drive .*--layout folder"):
        run(tmp_path / "in", tmp_path / "out", layout="drive")


def test_the_short_side_is_judged_before_the_work():
    assert parse_short_side("native") == NATIVE
    assert parse_short_side("512") == 512
    for wrong in ("1000.5", "0", "-8", "100", "1021", "large"):
        with pytest.raises(PrepareError, match="multiple of 8 of at least 128"):
            parse_short_side(wrong)


def test_fingerprints_tell_photographs_apart_at_any_size():
    pixels = eye(4, 600, 600)
    field = FieldOfView(300, 300, 70)
    smaller = to_uint8(resize(pixels, 420, 420))
    prints = [fingerprint(pixels, field), fingerprint(smaller, field.scaled(0.7)), fingerprint(eye(5, 600, 600), field)]
    assert same_photographs(prints) == [(0, 1)]
    assert same_photographs([]) == []


def test_real_photographs_pass_and_their_spoilt_copies_do_not(fundus_data):
    for name in ("HRF/images/02_dr.JPG", "CHASE_DB1/Image_11L.jpg"):
        photograph = load_photograph(fundus_data / name)
        small = cut_reference(name, photograph.pixels, photograph.field)
        assert measure_quality(photograph.pixels, photograph.field).fault() is None, name
        measured = measure_quality(small.pixels, small.field)
        assert measured.fault() is None, name
        pixels = small.pixels.astype(np.float32)
        blurred = to_uint8(gaussian_filter(pixels, (6, 6, 0)))
        file = io.BytesIO()
        Image.fromarray(blurred).save(file, "JPEG", quality=75)  # whose blocks are no detail
        spoilt = [
            ("too dark", to_uint8(pixels / 5)),
            ("over-exposed", to_uint8(pixels * 6)),
            ("too blurred", blurred),
            ("too blurred", np.asarray(Image.open(file))),
        ]
        for fault, copy in spoilt:
            assert measure_quality(copy, small.field).fault().startswith(fault), name
        assert replace(measured, sharpness=LEAST_SHARPNESS - 0.01).fault().startswith("too blurred")


def test_the_command_tells_what_it_took_left_out_and_wrote(tmp_path):
    source = photographs(tmp_path / "in", "images/01_h.jpg", "images/08_g.jpg", "images/09_h.jpg", "mask/01_h_mask.tif")
    (source / "images/07_h.jpg").write_bytes(b"nothing")
    words = ["prepare", str(source), str(tmp_path / "out"), "--short-side", "128", "--workers", "1"]
    answer = CliRunner().invoke(data, words)
    assert answer.exit_code == 0, answer.output
    told = answer.stderr.splitlines()
    assert told[0] == "fundusxr: layout hrf (HRF (Budai et al. 2013)), 4 photographs"
    assert told[1] == "  1 other pictures do not follow this layout, for example mask/01_h_mask.tif"
    assert told[2].startswith("  left out: images/07_h.jpg: not a JPEG, PNG")
    assert told[3] == f"fundusxr: wrote {tmp_path}/out/manifest.json (1 train, 1 validation, 1 test)"
    again = CliRunner().invoke(data, words)
    assert "  3 were finished before" in again.stderr.splitlines()


def test_fields_of_view_are_fitted_assumed_or_left_out_and_it_is_said(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    pixels = eye(5)
    inside = FieldOfView(85, 75, 70).mask(pixels.shape)
    white = np.where(inside[..., None], pixels, 255).astype(np.uint8)
    files = {
        "a_plain.png": pixels,
        "b_white.png": white,
        "c_several.png": np.concatenate([pixels, pixels[:, ::-1]], axis=1),
        "d_piece.png": np.repeat(np.repeat(eye(6)[35:115, 45:125], 2, axis=0), 2, axis=1),
    }
    for name, picture in files.items():
        Image.fromarray(picture).save(source / name)
    jpeg = io.BytesIO()
    Image.fromarray(eye(7)).save(jpeg, "JPEG", quality=95)
    (source / "e_endless.jpg").write_bytes(jpeg.getvalue()[:-2])
    words = ["prepare", str(source), str(tmp_path / "out"), "--short-side", "native", "--workers", "1"]
    answer = CliRunner().invoke(data, words)
    assert answer.exit_code == 0, answer.output
    made = {image["source"]: image for image in manifest(tmp_path / "out")["images"]}
    assert {name: image["field_from"] for name, image in made.items()} == {
        "a_plain.png": "fitted",
        "b_white.png": "fitted",
        "d_piece.png": "assumed",
        "e_endless.jpg": "fitted",
    }
    assert made["a_plain.png"]["field"] == pytest.approx(made["b_white.png"]["field"], abs=1.5)
    assert (made["d_piece.png"]["width"], made["d_piece.png"]["height"]) == (160, 160)
    assert made["e_endless.jpg"]["notices"] == ["the end of the file is missing, after its last pixel"]
    told = answer.stderr
    assert "1 without a round rim, for example d_piece.png: the field of view is assumed" in told
    assert "e_endless.jpg: the end of the file is missing" in told
    assert "left out: c_several.png: it holds several fields of view" in told
    again = CliRunner().invoke(data, words)
    assert "4 were finished before" not in again.stderr  # the one left out is known too
    assert "5 were finished before" in again.stderr
