"""What written pictures tell besides their pixels."""

import os
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from sr_core.image.context import UNTOLD, Context
from sr_core.image.photograph import load_photograph, read_entries
from sr_core.image.saving import save_picture, srgb_profile

TAKEN = Context("2019:03:05 14:20:31", "+01:00", "Canon", "CR-2", (300.0, 150.0))
PIXELS = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)


def photograph(path, **extra):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Canon"
    exif[ExifTags.Base.Model] = "CR-2"
    exif[ExifTags.Base.Artist] = "Dr. Example"
    exif[ExifTags.Base.ImageDescription] = "Jane Doe, born 1950"
    exif[ExifTags.Base.Orientation] = extra.pop("orientation", 1)
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: extra.pop("taken", "2019:03:05 14:20:31"),
        ExifTags.Base.OffsetTimeOriginal: "+01:00",
        ExifTags.Base.UserComment: b"ASCII\0\0\0Jane Doe",
    }
    Image.fromarray(PIXELS).save(path, exif=exif.tobytes(), **{"dpi": (300, 150), **extra})
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_when_and_with_what_a_photograph_was_taken_is_read(tmp_path, name):
    assert rounded(load_photograph(photograph(tmp_path / name)).context) == TAKEN


def rounded(context):
    """PNG counts pixels a metre."""
    return Context(
        context.taken, context.offset, context.maker, context.camera, tuple(round(side, 1) for side in context.dpi)
    )


def test_a_turned_photographs_resolution_turns_with_it(tmp_path):
    assert load_photograph(photograph(tmp_path / "a.jpg", orientation=6)).context.dpi == (150, 300)


def test_what_is_no_moment_and_no_resolution_is_not_handed_on(tmp_path):
    for taken in ("0000:00:00 00:00:00x", "yesterday", "    :  :     :  :  ", "2019-03-05"):
        assert load_photograph(photograph(tmp_path / "a.jpg", taken=taken)).context.taken == ""
    Image.fromarray(PIXELS).save(tmp_path / "b.png")
    assert load_photograph(tmp_path / "b.png").context == UNTOLD


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_written_picture_tells_it_again_and_nobodys_name(tmp_path, suffix):
    context = load_photograph(photograph(tmp_path / "a.jpg")).context
    out = tmp_path / f"b.{suffix}"
    save_picture(out, PIXELS, {"Description": "computed"}, context.scaled(4))
    again = load_photograph(out)
    offset = TAKEN.offset if suffix == "png" else ""  # TIFF's own tags have no place for it
    assert rounded(again.context) == Context(TAKEN.taken, offset, TAKEN.maker, TAKEN.camera, (1200, 600))
    np.testing.assert_array_equal(again.pixels, PIXELS)
    assert read_entries(out)["Description"] == "computed"
    data = out.read_bytes()
    assert b"Jane Doe" not in data
    assert b"Example" not in data
    with Image.open(out) as image:
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_every_picture_says_that_it_is_srgb_always_in_the_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        save_picture(tmp_path / f"{name}.{suffix}", PIXELS)
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    with Image.open(tmp_path / f"a.{suffix}") as image:
        profile = image.info["icc_profile"]
    assert profile == srgb_profile()
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile)))
    np.testing.assert_array_equal(load_photograph(tmp_path / f"a.{suffix}").pixels, PIXELS)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_names_that_are_no_text_are_told_in_escapes(tmp_path, suffix):
    out = tmp_path / f"a.{suffix}"
    save_picture(out, PIXELS, {"fundusxr:source": os.fsdecode(b"M\xfcller\x07.png"), "note": "two\nlines"})
    assert read_entries(out) == {"fundusxr:source": r"M\xfcller\x07.png", "note": "two\nlines"} | (
        {key: value for key, value in read_entries(out).items() if key not in ("fundusxr:source", "note")}
    )


def test_a_name_of_255_bytes_is_written(tmp_path):
    out = tmp_path / ("n" * 251 + ".png")
    save_picture(out, PIXELS)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_entries_of_other_files_are_none(tmp_path):
    (tmp_path / "a.png").write_bytes(b"junk")
    Image.fromarray(PIXELS).save(tmp_path / "b.tif", description="not JSON")
    Image.fromarray(PIXELS).save(tmp_path / "c.jpg")
    for name in ("a.png", "b.tif", "c.jpg", "gone.png"):
        assert read_entries(tmp_path / name) == {}
