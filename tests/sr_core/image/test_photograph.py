"""Picture files as users have them, good and bad."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sr_core.errors import UserError
from sr_core.image.folder import find_photographs
from sr_core.image.photograph import MAX_PIXELS, PhotographError, check_photograph, load_photograph
from sr_core.image.saving import save_picture


@pytest.fixture
def scene():
    """A smooth 64x48 picture with four different corners."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x * 4, y * 5, 255 - x * 2 - y * 2], axis=-1).clip(0, 255).astype(np.uint8)


def refused(path, *words):
    """The error's line, which must name the file, give the words, and be one line with a cure."""
    with pytest.raises(PhotographError) as caught:
        load_photograph(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert ";" in line
    for word in words:
        assert word in line, line
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
def test_the_four_formats_open_with_their_pixels(tmp_path, scene, suffix):
    path = tmp_path / f"eye.{suffix}"
    Image.fromarray(scene).save(path, **({"lossless": True} if suffix == "webp" else {"quality": 98}))
    photograph = load_photograph(path)
    difference = np.abs(photograph.pixels.astype(int) - scene)
    assert difference.max() <= (12 if suffix == "jpg" else 0)
    assert difference.mean() < 2
    assert photograph.path == path
    assert len(photograph.sha256) == 64
    with pytest.raises(ValueError, match="read-only"):
        photograph.pixels[0, 0] = 0


def test_exif_orientation_is_applied(tmp_path, scene):
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(scene).save(path, exif=exif)
    np.testing.assert_array_equal(load_photograph(path).pixels, np.rot90(scene, -1))


def test_grey_palette_and_bilevel_become_rgb(tmp_path, scene):
    grey = Image.fromarray(scene).convert("L")
    for mode in ("L", "P", "1"):
        path = tmp_path / f"{mode}.png"
        grey.convert(mode).save(path)
        pixels = load_photograph(path).pixels
        assert pixels.shape == (48, 64, 3)
        assert (pixels == pixels[..., :1]).all()


def test_transparency_is_laid_on_black(tmp_path, scene):
    alpha = np.zeros((48, 64), np.uint8)
    alpha[:, :32] = 255
    path = tmp_path / "clear.png"
    Image.fromarray(np.dstack([scene, alpha])).save(path)
    pixels = load_photograph(path).pixels
    np.testing.assert_array_equal(pixels[:, :32], scene[:, :32])
    assert not pixels[:, 32:].any()


def test_the_first_picture_of_an_animation_is_taken(tmp_path, scene):
    path = tmp_path / "moving.webp"
    frames = [Image.fromarray(scene), Image.fromarray(255 - scene)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(load_photograph(path).pixels, scene)


def swapped_profile():
    """An sRGB profile with the red and the blue colorant exchanged: its conversion exchanges red and blue."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for i in range(struct.unpack(">I", data[128:132])[0]):
        at = 132 + 12 * i
        tags[bytes(data[at : at + 4])] = at
        if data[at : at + 4] == b"desc":
            start, length = struct.unpack(">II", data[at + 4 : at + 12])
            text = bytes(data[start : start + length])
            data[start : start + length] = text.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    data[red : red + 4], data[blue : blue + 4] = data[blue : blue + 4], data[red : red + 4]
    return bytes(data)


def test_an_embedded_profile_is_converted_to_srgb(tmp_path, scene):
    path = tmp_path / "profile.png"
    Image.fromarray(scene).save(path, icc_profile=swapped_profile())
    difference = np.abs(load_photograph(path).pixels.astype(int) - scene[..., ::-1])
    assert difference.max() <= 3


@pytest.mark.parametrize("profile", [b"no profile at all", None])
def test_a_damaged_profile_and_srgb_itself_leave_the_values(tmp_path, scene, profile):
    path = tmp_path / "profile.png"
    profile = profile or ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(scene).save(path, icc_profile=profile)
    np.testing.assert_array_equal(load_photograph(path).pixels, scene)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_files_cut_short_are_refused(tmp_path, suffix, part):
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(PhotographError) as caught:
        load_photograph(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_empty_foreign_and_folders_are_refused(tmp_path):
    refused(tmp_path / "none.jpg", "no such file")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "empty")
    (tmp_path / "notes.jpg").write_text("not a picture")
    refused(tmp_path / "notes.jpg", "not a JPEG")
    Image.new("RGB", (40, 40)).save(tmp_path / "eye.gif")
    refused(tmp_path / "eye.gif", "not a JPEG")
    refused(tmp_path, "folder")
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "a pipe or a device")
    refused(Path("/dev/zero"), "a pipe or a device")


def png_header(width, height):
    """A PNG that promises a size and holds no pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_sizes_are_judged_by_the_header(tmp_path, recwarn):
    for width, height, word in ((60000, 60000, "megapixels"), (1, 1, "too small"), (4000, 15, "too small")):
        path = tmp_path / "size.png"
        path.write_bytes(png_header(width, height))
        refused(path, f"{width}x{height}", word)
    assert not recwarn.list
    assert MAX_PIXELS == 100_000_000
    path.write_bytes(png_header(0, 0))
    refused(path)


def test_portable_pixmaps_open_with_8_bits_and_no_more(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3)).astype(np.uint8)
    path = tmp_path / "im0001.ppm"
    path.write_bytes(b"P6\n# a comment\n24 20\n255\n" + pixels.tobytes())
    np.testing.assert_array_equal(load_photograph(path).pixels, pixels)
    for most in (256, 1023, 65535):
        path.write_bytes(b"P6 24 20 %d\n" % most + bytes(2 * pixels.size))
        with pytest.raises(PhotographError, match="more than 8 bits"):
            load_photograph(path)


def test_sixteen_bits_are_refused_in_grey_and_in_colour(tmp_path):
    grey = Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32) * 60)
    for name in ("deep.png", "deep.tif"):
        grey.save(tmp_path / name)
        refused(tmp_path / name, "8 bit")
    # Pillow would quietly halve the depth of this one: its header says 16 bits a channel.
    data = bytearray(png_header(32, 32))
    data[24] = 16
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (tmp_path / "deep-colour.png").write_bytes(data)
    refused(tmp_path / "deep-colour.png", "8 bit")


def test_cmyk_and_floating_pictures_are_refused(tmp_path):
    for name in ("print.jpg", "print.tif"):
        Image.new("CMYK", (32, 32)).save(tmp_path / name)
        refused(tmp_path / name, "CMYK", "RGB")
    Image.new("F", (32, 32)).save(tmp_path / "float.tif")
    refused(tmp_path / "float.tif")


def test_the_header_alone_tells_what_cannot_be_opened(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "good.png")
    check_photograph(tmp_path / "good.png")
    Image.new("CMYK", (32, 32)).save(tmp_path / "print.jpg")
    Image.fromarray(scene[:8, :8]).save(tmp_path / "small.png")
    (tmp_path / "letter.jpg").write_text("Dear colleague")
    for name in ("print.jpg", "small.png", "letter.jpg", "gone.jpg"):
        with pytest.raises(PhotographError) as checked:
            check_photograph(tmp_path / name)
        with pytest.raises(PhotographError) as loaded:
            load_photograph(tmp_path / name)
        assert str(checked.value) == str(loaded.value)


def test_folders_open_all_their_pictures_in_order(tmp_path, scene):
    for name in ("b.png", "a.JPG", "c.tiff"):
        Image.fromarray(scene).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "nothing").mkdir()
    found = find_photographs([tmp_path / "c.tiff", tmp_path])
    assert [path.name for path in found] == ["c.tiff", "a.JPG", "b.png", "c.tiff"]
    with pytest.raises(PhotographError, match="no pictures"):
        find_photographs([tmp_path / "nothing"])
    with pytest.raises(PhotographError, match="no such file"):
        find_photographs([tmp_path / "gone"])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_saved_pictures_come_back_with_their_metadata(tmp_path, scene, suffix):
    path = tmp_path / f"out.{suffix}"
    save_picture(path, scene, {"made by": "a test", "note": "Größe"})
    np.testing.assert_array_equal(load_photograph(path).pixels, scene)
    with Image.open(path) as image:
        kept = image.text if suffix == "png" else image.tag_v2[270]
        assert ("a test" in kept) or kept["note"] == "Größe"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_unwritable_places_and_kinds_are_refused(tmp_path, scene):
    with pytest.raises(PhotographError, match="cannot be written"):
        save_picture(tmp_path / "no" / "out.png", scene)
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(PhotographError, match="cannot be written"):
        save_picture(tmp_path / "taken.png", scene)
    with pytest.raises(PhotographError, match=r"png or \.tif"):
        save_picture(tmp_path / "out.jpg", scene)
    assert [p.name for p in tmp_path.iterdir()] == ["taken.png"]
