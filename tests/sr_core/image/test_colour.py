"""Whatever a file says of its colours is followed to sRGB, or told."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from sr_core.image import colour
from sr_core.image.photograph import PhotographError, load_photograph
from tests.sr_core.image.test_containers import chunk, encoded, exif, load, tiff, with_chunks

D65 = (0.3127, 0.329)
ADOBE = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
REC2020 = (*D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046)
SRGB = (*D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


@pytest.fixture
def scene():
    """Colours of a retina and beyond: a smooth 64x48 picture."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([60 + x * 3, 20 + y * 4, 10 + (x + y)], axis=-1).clip(0, 255).astype(np.uint8)


def light(pixels):
    """sRGB to linear light, 0 to 1 (IEC 61966-2-1)."""
    v = pixels / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def to_xyz(points):
    """3x3 matrix from light of the primaries to XYZ under their own white."""
    xy = np.array(points).reshape(4, 2)
    white, *rgb = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]], axis=1)
    matrix = np.stack(rgb, axis=1)
    return matrix * np.linalg.solve(matrix, white)


def as_stored(pixels, points, gamma):
    """What a file in another colour space of the same white stores for sRGB pixels."""
    other = light(pixels) @ (np.linalg.inv(to_xyz(points)) @ to_xyz(SRGB)).T
    return np.rint(255 * other.clip(0, 1) ** (1 / gamma)).astype(np.uint8)


def near(photograph, wanted, most=1.0):
    difference = np.abs(photograph.pixels.astype(int) - wanted)
    assert difference.mean() < most, difference.mean()


def profile(points, gamma, name=b""):
    """A profile of these primaries, with a description."""
    blob = colour._rgb_profile(points, [colour._parametric((gamma,))] * 3)
    if not name:
        return blob
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(79)}
    for i in range(struct.unpack_from(">I", blob, 128)[0]):
        tag, at, size = struct.unpack_from(">4sII", blob, 132 + 12 * i)
        tags[tag] = blob[at : at + size] + bytes(-size % 4)
    return colour._profile(b"RGB ", tags)


@pytest.mark.parametrize(("points", "gamma"), [(SRGB, 1.0), (REC2020, 2.4), (ADOBE, 563 / 256)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_profiles_are_followed_whatever_their_name(tmp_path, scene, points, gamma, kind):
    blob = profile(points, gamma, b"not sRGB, and sRGB all the same")
    description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(blob)))
    assert "sRGB" in description
    options = {"lossless": True} if kind == "WEBP" else {}
    photograph = load(tmp_path, encoded(as_stored(scene, points, gamma), kind, icc_profile=blob, **options))
    near(photograph, scene, 1.5)
    assert photograph.notices == ()


def test_an_srgb_profile_of_any_name_leaves_the_values(tmp_path, scene):
    blob = colour._rgb_profile(SRGB, [colour._parametric(colour._SRGB_CURVE)] * 3)
    np.testing.assert_array_equal(load(tmp_path, encoded(scene, "PNG", icc_profile=blob)).pixels, scene)


def test_an_indexed_picture_with_a_profile(tmp_path, scene):
    image = Image.fromarray(as_stored(scene, ADOBE, 2.2)).quantize(64)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", icc_profile=profile(ADOBE, 2.2))
    plain = np.asarray(image.convert("RGB"))
    pixels = load(tmp_path, buffer.getvalue()).pixels
    wanted = load(tmp_path, encoded(plain, "PNG", icc_profile=profile(ADOBE, 2.2))).pixels
    np.testing.assert_array_equal(pixels, wanted)
    assert np.abs(pixels.astype(int) - plain).mean() > 2


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_grey_profiles_are_followed(tmp_path, kind, gamma):
    grey = np.tile(np.arange(256, dtype=np.uint8), (32, 1))
    stored = np.rint(255 * light(grey) ** (1 / gamma)).astype(np.uint8)
    blob = colour._grey_profile(colour._parametric((gamma,)))
    photograph = load(tmp_path, encoded(stored, kind, icc_profile=blob, **({"quality": 100} if kind == "JPEG" else {})))
    near(photograph, np.dstack([grey] * 3), 2.0 if gamma == 1 else 1.0)
    assert photograph.notices == ()


def test_a_grey_picture_with_a_colour_profile_and_the_other_way_round(tmp_path, scene):
    grey = scene[..., 1]
    stored = np.rint(255 * light(grey)).astype(np.uint8)
    near(load(tmp_path, encoded(stored, "TIFF", icc_profile=profile(SRGB, 1.0))), np.dstack([grey] * 3), 2.0)
    blob = colour._grey_profile(colour._parametric((1.0,)))
    photograph = load(tmp_path, encoded(scene, "TIFF", icc_profile=blob))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert "colour profile cannot be used" in photograph.notices[0]


def adobe_by_exif(space, index=b"R03\0"):
    """EXIF that tells its colours by colour space and interoperability index: three directories."""
    main = exif((0x8769, 4, 1, struct.pack("<I", 26)))
    inner = struct.pack("<HHHIHHHHII", 2, 0xA001, 3, 1, space, 0, 0xA005, 4, 1, 56) + bytes(4)
    return b"Exif\0\0" + main + inner + struct.pack("<HHHI4s", 1, 1, 2, 4, index) + bytes(4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_adobe_rgb_by_exif_alone(tmp_path, scene, kind):
    stored = as_stored(scene, ADOBE, 563 / 256)
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    for block in (adobe_by_exif(0xFFFF), adobe_by_exif(2)):
        near(load(tmp_path, encoded(stored, kind, exif=block, **options)), scene, 1.5)
    for block in (adobe_by_exif(1), adobe_by_exif(0xFFFF, b"R98\0")):
        near(load(tmp_path, encoded(stored, kind, exif=block, **options)), stored, 1.0)


def gama(value):
    return chunk(b"gAMA", struct.pack(">I", round(100000 * value)))


def chrm(points):
    return chunk(b"cHRM", struct.pack(">8I", *(round(100000 * value) for value in points)))


def test_gamma_and_primaries_of_png(tmp_path, scene):
    def shown(pixels, *chunks):
        return load(tmp_path, with_chunks(encoded(pixels, "PNG"), *chunks))

    near(shown(as_stored(scene, SRGB, 1.0), gama(1.0)), scene, 1.5)
    near(shown(as_stored(scene, ADOBE, 2.2), gama(1 / 2.2), chrm(ADOBE)), scene)
    near(shown(as_stored(scene, REC2020, 1.8), gama(1 / 1.8), chrm(REC2020)), scene)
    grey = scene[..., 1]
    near(shown(np.rint(255 * light(grey)).astype(np.uint8), gama(1.0)), np.dstack([grey] * 3), 2.0)
    # What files of sRGB say of themselves leaves their values; so does the sRGB chunk, whatever gAMA says.
    for chunks in ([gama(0.45455)], [gama(0.45455), chrm(SRGB)], [gama(1.0), chunk(b"sRGB", b"\0")]):
        np.testing.assert_array_equal(shown(scene, *chunks).pixels, scene)
    # A profile stands above both.
    packed = chunk(b"iCCP", b"p\0\0" + zlib.compress(profile(ADOBE, 2.2)))
    near(shown(as_stored(scene, ADOBE, 2.2), packed, gama(1.0)), scene)
    # Primaries that span no colours cannot be followed.
    for points in ((0.3,) * 8, (0.0,) * 8):
        photograph = shown(scene, gama(0.45455), chrm(points))
        np.testing.assert_array_equal(photograph.pixels, scene)
        assert "cannot be used" in photograph.notices[0]


def test_colour_codes_of_png(tmp_path, scene):
    def shown(pixels, *code):
        return load(tmp_path, with_chunks(encoded(pixels, "PNG"), chunk(b"cICP", bytes((*code, 0, 1)))))

    np.testing.assert_array_equal(shown(scene, 1, 13).pixels, scene)
    near(shown(as_stored(scene, REC2020, 2.2), 9, 4), scene)
    near(shown(as_stored(scene, SRGB, 1.0), 1, 8), scene, 1.5)
    photograph = shown(scene, 9, 16)
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert "cICP" in photograph.notices[0]
    narrow = load(tmp_path, with_chunks(encoded(scene, "PNG"), chunk(b"cICP", bytes((1, 13, 0, 0)))))
    assert "cICP" in narrow.notices[0]
    grey = np.repeat(scene[..., :1], 3, axis=2)
    linear = encoded(as_stored(grey, SRGB, 1.0)[..., 0], "PNG")
    near(load(tmp_path, with_chunks(linear, chunk(b"cICP", bytes((1, 8, 0, 1))))), grey, 1.5)


def test_primaries_and_curves_of_tiff(tmp_path, scene):
    stored = as_stored(scene, ADOBE, 2.2)
    curve = np.rint(65535 * (np.arange(256) / 255) ** 2.2).astype("<u2")
    buffer = io.BytesIO()
    Image.fromarray(stored).save(
        buffer,
        "TIFF",
        tiffinfo={318: tuple(ADOBE[:2]), 319: tuple(ADOBE[2:]), 301: tuple(map(int, np.tile(curve, 3)))},
    )
    near(load(tmp_path, buffer.getvalue()), scene)


def test_lab_tiffs(tmp_path, scene):
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.array(ImageCms.applyTransform(Image.fromarray(scene), to_lab))
    assert lab[..., 1].astype(np.int8).max() > 40  # signed in the file (TIFF 6.0, section 23): red is positive
    near(load(tmp_path, tiff([(lab, {262: (3, 8)})])), scene, 2.0)


def inks():
    """A profile of four inks that mixes them plainly, as a table of two values an ink: A2B0 to Lab."""
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    c, m, y, k = np.meshgrid(*[(0, 1)] * 4, indexing="ij")
    rgb = np.stack([(1 - ink) * (1 - k) * 255 for ink in (c, m, y)], axis=-1).reshape(1, 16, 3).astype(np.uint8)
    lab = np.array(ImageCms.applyTransform(Image.fromarray(rgb), to_lab)).reshape(16, 3) ^ np.uint8([0, 128, 128])
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + struct.pack(">BBBx9i", 4, 3, 2, 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    blob = bytearray(colour._profile(b"CMYK", {b"A2B0": table + ramp * 4 + lab.tobytes() + ramp * 3}))
    blob[12:16], blob[20:24], blob[8:12] = b"prtr", b"Lab ", b"\2\x40\0\0"
    return bytes(blob)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_four_inks_are_followed_where_a_profile_tells_them(tmp_path, kind):
    image = Image.merge("CMYK", [Image.new("L", (32, 32), value) for value in (0, 255, 255, 0)])
    path = tmp_path / "print"
    image.save(path, kind, icc_profile=inks())
    red = load_photograph(path).pixels.reshape(-1, 3).mean(axis=0)
    assert np.abs(red - (255, 0, 0)).max() < 12
    for blob in (profile(ADOBE, 2.2), b"CMYK" * 60):
        image.save(path, kind, icc_profile=blob)
        if blob[16:20] == b"CMYK":
            assert load_photograph(path).notices
        else:
            with pytest.raises(PhotographError, match="CMYK"):
                load_photograph(path)


def test_transparency_lies_over_colours_that_are_followed(tmp_path, scene):
    stored = as_stored(scene, ADOBE, 2.2)
    alpha = np.zeros(scene.shape[:2], np.uint8)
    alpha[:, :32] = 255
    photograph = load(tmp_path, encoded(np.dstack([stored, alpha]), "PNG", icc_profile=profile(ADOBE, 2.2)))
    assert np.abs(photograph.pixels[:, :32].astype(int) - scene[:, :32]).mean() < 1
    assert not photograph.pixels[:, 32:].any()
