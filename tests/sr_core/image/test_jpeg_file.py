"""What a JPEG file says of the photograph as it is shown, and that a file that says nothing ends nothing."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from sr_core.image import jpeg_file
from sr_core.image.geometry import Rect
from sr_core.image.jpeg_file import COSINES, UnusableJpegError, read_jpeg_file
from sr_core.image.jpeg_header import read_header
from sr_core.image.photograph import load_photograph
from tests.helpers.fundus import HRF_BRIGHT, IDRID
from tests.helpers.jpegs import coded_again, open_jpeg, save_jpeg

SUBSAMPLINGS = {0: (False, False), 1: (True, False), 2: (True, True)}


def picture(width: int, height: int) -> np.ndarray:
    """Smooth colours without symmetry, far from black and white, uint8 (height, width, 3)."""
    y, x = np.mgrid[:height, :width]
    waves = [
        np.sin(x / (9 + c) + y / 23) + np.cos(y / (7 + 2 * c)) + (x // 19 + 2 * (y // 13)) % 3 / 3 for c in range(3)
    ]
    return np.clip(120 + 30 * np.stack(waves, axis=-1), 20, 235).astype(np.uint8)


def decoded_luma(file, rect: Rect) -> np.ndarray:
    """The luma that a file's coefficients give within a rectangle of whole blocks."""
    plane = file.planes[0]
    rows, columns = ((start - o) // 8 for start, o in zip((rect.y, rect.x), plane.origin[::-1], strict=True))
    part = plane.blocks[rows : rows + rect.h // 8, columns : columns + rect.w // 8] * plane.steps
    return np.einsum("fp,rcfg,gq->rpcq", COSINES, part, COSINES).reshape(rect.h, rect.w) + 128


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_coefficients_belong_to_the_pixels_as_shown_however_exif_turns_them(tmp_path, orientation, subsampling):
    path = save_jpeg(tmp_path / "a.jpg", picture(203, 151), orientation, quality=90, subsampling=subsampling)
    pixels, file = open_jpeg(path)
    assert pixels.shape[:2] == ((151, 203) if orientation < 5 else (203, 151))
    halved = SUBSAMPLINGS[subsampling]
    assert file.coding.halved == (halved if orientation < 5 else halved[::-1])
    luma = file.planes[0]
    assert [o % 8 for o in luma.origin] == [o % 8 for o in file.coding.origin]
    whole = Rect(luma.origin[0] + 16, luma.origin[1] + 16, 128, 96)
    shown = pixels[whole.slices()] @ jpeg_file.LUMA_OF_RGB
    assert np.abs(decoded_luma(file, whole) - shown).mean() < 0.5
    # Chroma, whose blocks and halves are turned too: the decoded pixels code to the file's own coefficients.
    for index, plane in enumerate(file.planes):
        again, own = coded_again(pixels.astype(float), plane, index, Rect(0, 0, pixels.shape[1], pixels.shape[0]))
        assert (again == own).mean() > 0.97, index


def test_the_tables_and_steps_are_those_that_pillow_reads(tmp_path):
    luma, chroma = np.arange(1, 65), np.arange(100, 164)
    path = save_jpeg(tmp_path / "a.jpg", picture(64, 64), qtables=[luma.tolist(), chroma.tolist()])
    header = read_header(path.read_bytes())
    np.testing.assert_array_equal(header.components[0].steps, luma.reshape(8, 8))
    np.testing.assert_array_equal(header.components[1].steps, chroma.reshape(8, 8))
    _, file = open_jpeg(path)
    np.testing.assert_array_equal(file.coding.luma, luma.reshape(8, 8))
    np.testing.assert_array_equal(file.planes[2].steps, chroma.reshape(8, 8))


def test_progressive_and_grey_files_are_read_and_real_photographs(tmp_path, fundus_data):
    _, plain = open_jpeg(save_jpeg(tmp_path / "a.jpg", picture(100, 80), quality=80))
    _, progressive = open_jpeg(save_jpeg(tmp_path / "b.jpg", picture(100, 80), quality=80, progressive=True))
    np.testing.assert_array_equal(plain.planes[1].blocks, progressive.planes[1].blocks)
    _, grey = open_jpeg(save_jpeg(tmp_path / "c.jpg", picture(100, 80)[..., 1], quality=80))
    assert len(grey.planes) == 1
    assert grey.coding.chroma is None
    for name, halved in ((HRF_BRIGHT, (True, False)), (IDRID, (True, True))):
        photograph = load_photograph(fundus_data / name)
        assert photograph.file.get().coding.halved == halved
        assert len(photograph.file.get().planes) == 3
        assert photograph.file.reason == ""


def patched(data: bytes, marker: int, at: int, value: bytes) -> bytes:
    """A file's bytes with some changed, counted from the first segment of a marker."""
    start = data.index(bytes((0xFF, marker))) + at
    return data[:start] + value + data[start + len(value) :]


def test_a_file_that_says_nothing_is_refused_with_its_reason(tmp_path):
    pixels = picture(120, 96)
    path = save_jpeg(tmp_path / "a.jpg", pixels, quality=80)
    data = path.read_bytes()
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "cmyk.jpg")
    cases = {
        "not a JPEG": b"\x89PNG....",
        "cut short": data[:300],
        "damaged": data[:4],
        "arithmetically": patched(data, 0xC0, 1, b"\xc9"),
        "12 bits": patched(data, 0xC0, 4, b"\x0c"),
        "16 bits": patched(data, 0xDB, 4, b"\x10"),
        "steps of zero": patched(data, 0xDB, 9, b"\0"),
        "4 colours": (tmp_path / "cmyk.jpg").read_bytes(),
        "not that of the picture": patched(data, 0xC0, 5, b"\0\x90"),
    }
    for reason, broken in cases.items():
        (tmp_path / "broken.jpg").write_bytes(broken)
        with pytest.raises(UnusableJpegError, match=reason):
            read_jpeg_file(broken, tmp_path / "broken.jpg", 1, pixels)


def test_no_flipped_byte_of_a_file_does_more_than_refuse_it(tmp_path):
    path = save_jpeg(tmp_path / "a.jpg", picture(64, 48), quality=80)
    data, pixels = path.read_bytes(), np.array(Image.open(path))
    for at in range(0, len(data), 5):
        broken = data[:at] + bytes((data[at] ^ 0x5A,)) + data[at + 1 :]
        path.write_bytes(broken)
        try:
            file = read_jpeg_file(broken, path, 1, pixels)
        except UnusableJpegError:
            continue
        assert file.planes or file.reason


def test_coefficients_of_other_pixels_than_those_shown_are_not_claimed(tmp_path):
    """As a colour profile makes them, or another file that took the place of the one that was opened."""
    pixels, _ = open_jpeg(save_jpeg(tmp_path / "a.jpg", picture(120, 96), quality=80))
    brighter = np.clip(pixels * 1.05, 0, 255).astype(np.uint8)
    with pytest.raises(UnusableJpegError, match="do not give the picture"):
        read_jpeg_file((tmp_path / "a.jpg").read_bytes(), tmp_path / "a.jpg", 1, brighter)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    path = save_jpeg(tmp_path / "b.jpg", picture(120, 96), quality=80, icc_profile=profile)
    assert load_photograph(path).file.get() is not None  # a profile that was not applied changes nothing
    path.unlink()
    photograph = load_photograph(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").unlink()
    assert photograph.file.get() is None
    assert "cannot be read any more" in photograph.file.reason


def test_without_the_library_the_coding_is_known_and_the_coefficients_are_not(tmp_path, monkeypatch):
    path = save_jpeg(tmp_path / "a.jpg", picture(120, 96), quality=80)
    monkeypatch.setattr(jpeg_file.importlib.util, "find_spec", lambda name: None)
    _, file = open_jpeg(path)
    assert file.planes == ()
    assert "jpeglib" in file.reason
    assert file.coding.luma[0, 0] == 6


def test_only_a_jpeg_has_a_file_to_agree_with(tmp_path):
    Image.fromarray(picture(120, 96)).save(tmp_path / "a.png")
    assert load_photograph(tmp_path / "a.png").file is None
