"""What stands beside the pixels of a file never keeps them from opening, and which picture of a file is meant."""

import io
import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin

from sr_core.image import containers
from sr_core.image.photograph import PhotographError, load_photograph

SHAPE = (48, 64)


@pytest.fixture
def scene():
    """A smooth 64x48 picture with four different corners."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x * 4, y * 5, 255 - x * 2 - y * 2], axis=-1).clip(0, 255).astype(np.uint8)


def encoded(pixels, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def load(tmp_path, data):
    path = tmp_path / "eye"
    path.write_bytes(data)
    return load_photograph(path)


def chunk(name, body, wrong=0):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ wrong)


def with_chunks(png, *chunks):
    """A PNG with chunks behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg, *segments):
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif(*tags, order="<"):
    """An EXIF block of (tag, type, count, value) entries as they stand, in range or not."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(struct.pack(order + "HHI", *tag[:3]) + tag[3] for tag in tags)
    return head + struct.pack(order + "H", len(tags)) + body + bytes(4)


SIDEWAYS = (0x0112, 3, 1, struct.pack("<HH", 6, 0))
OUT_OF_RANGE = (0x010F, 2, 4000, struct.pack("<I", 0xFFFFFF00))


@pytest.mark.parametrize(
    "beside",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2 << 20))),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 << 20))),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(100 << 20))),
        chunk(b"tEXt", b"Comment\0" + b"x" * (3 << 20)),
        chunk(b"zTXt", b"Comment\0\0not zlib"),
        chunk(b"eXIf", exif(OUT_OF_RANGE)),
        chunk(b"pHYs", b"short"),
        chunk(b"gAMA", b""),
        chunk(b"sPLT", b"?"),
    ],
)
def test_a_png_opens_whatever_stands_beside_its_pixels(tmp_path, scene, beside):
    photograph = load(tmp_path, with_chunks(encoded(scene, "PNG"), beside))
    np.testing.assert_array_equal(photograph.pixels, scene)


def test_a_wrong_checksum_beside_the_pixels_is_told_and_one_of_the_pixels_is_not_passed_on(tmp_path, scene):
    png = encoded(scene, "PNG")
    photograph = load(tmp_path, with_chunks(png, chunk(b"tEXt", b"a\0b", wrong=1)))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert "checksum" in photograph.notices[0]
    at = png.index(b"IDAT")
    body = png[at + 4 : at + 4 + struct.unpack(">I", png[at - 4 : at])[0]]
    # The chunk's checksum alone is wrong: zlib's own tells that the pixels are whole.
    photograph = load(tmp_path, png[: at - 4] + chunk(b"IDAT", body, wrong=1) + chunk(b"IEND", b""))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert "IDAT" in photograph.notices[0]
    spoilt = bytearray(body)
    spoilt[len(body) // 2] ^= 16
    wrong = png[: at - 4] + struct.pack(">I", len(body)) + b"IDAT" + bytes(spoilt) + png[at + 4 + len(body) :]
    with pytest.raises(PhotographError, match="damaged"):
        load(tmp_path, wrong)
    with pytest.raises(PhotographError, match="checksum of IHDR"):
        load(tmp_path, png[:29] + b"\0\0\0\0" + png[33:])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_missing_end_is_told(tmp_path, scene, kind):
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    data = encoded(
        scene, kind, **options, **({"exif": Image.Exif().tobytes() + exif(SIDEWAYS)} if kind == "WEBP" else {})
    )
    whole = load(tmp_path, data)
    assert whole.notices == () or kind == "WEBP"
    cut = {"PNG": data[:-12], "JPEG": data[:-2], "WEBP": data[:-8]}[kind]
    photograph = load(tmp_path, cut)
    assert any("end of the file is missing" in notice for notice in photograph.notices)
    if kind != "WEBP":
        np.testing.assert_array_equal(photograph.pixels, whole.pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
def test_a_jpeg_that_lacks_pixels_at_its_end_is_refused(tmp_path, options):
    noise = np.random.default_rng(3).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    data = encoded(noise, "JPEG", **options)
    for lacking in (0, 1):  # half an end marker, none
        assert load(tmp_path, data[: -1 - lacking]).notices
    for lacking in (30, 300, 2000):
        with pytest.raises(PhotographError, match="damaged or cut short"):
            load(tmp_path, data[:-lacking])


def test_a_progressive_jpeg_without_its_last_scans_is_refused(tmp_path):
    noise = np.random.default_rng(3).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    data = encoded(noise, "JPEG", progressive=True)
    last_scan = data.rindex(b"\xff\xda")
    table = data.rindex(b"\xff\xc4", 0, last_scan)
    with pytest.raises(PhotographError, match="last scans"):
        load(tmp_path, data[:table])


def test_a_jpeg_opens_whatever_stands_beside_its_pixels(tmp_path, scene):
    plain = encoded(scene, "JPEG", quality=95)
    wanted = load(tmp_path, plain).pixels
    much = [segment(0xE1, b"Exif\0\0" + bytes(65000))] + [segment(0xEB, bytes(65000))] * 64
    beside = {
        "4 MB": much,
        "no EXIF in it": [segment(0xE1, b"Exif\0\0nothing")],
        "a comment": [segment(0xFE, b"\xff\xd9\xff\xda" * 1000)],
        "a short JFIF": [segment(0xE0, b"JFIF\0")],
        "a short Adobe": [segment(0xEE, b"Adobe")],
        "a profile in parts, one missing": [segment(0xE2, b"ICC_PROFILE\0\2\3" + bytes(500))],
        "an index without pictures": [segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff")],
    }
    for name, segments in beside.items():
        np.testing.assert_array_equal(load(tmp_path, with_segments(plain, *segments)).pixels, wanted, err_msg=name)
    np.testing.assert_array_equal(load(tmp_path, plain + b"behind the end" * 99).pixels, wanted)


def with_length(data, at, length, form=">H"):
    """The file with another length at a place."""
    return data[:at] + struct.pack(form, length) + data[at + struct.calcsize(form) :]


LENGTHS = [0, 1, 2, 5, 40, 700, 60000, 65535]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("which", ["comment", "EXIF", "XMP", "colour profile", "APP11"])
def test_a_jpegs_segment_of_a_wrong_length_is_told_and_the_pixels_are_shown(tmp_path, which, length, progressive):
    noise = np.random.default_rng(3).integers(0, 255, (90, 70, 3), dtype=np.uint8)
    plain = encoded(noise, "JPEG", quality=95, progressive=progressive)
    thumbnail = encoded(noise[::4, ::4], "JPEG")
    body = {
        "comment": b"taken in the morning" * 20,
        "EXIF": b"Exif\0\0" + exif((0x0112, 3, 1, struct.pack("<HH", 1, 0))) + thumbnail,
        "XMP": b"http://ns.adobe.com/xap/1.0/\0" + b"<x:xmpmeta>" * 20,
        "colour profile": b"ICC_PROFILE\0\1\1" + ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "APP11": bytes(500),
    }[which]
    marker = {"comment": 0xFE, "EXIF": 0xE1, "XMP": 0xE1, "colour profile": 0xE2, "APP11": 0xEB}[which]
    whole = with_segments(plain, segment(marker, body), segment(0xFE, b"another"))
    wanted = load(tmp_path, whole)
    assert wanted.notices == ()
    photograph = load(tmp_path, with_length(whole, 4, length))
    np.testing.assert_array_equal(photograph.pixels, wanted.pixels)
    if not (which == "comment" and 2 < length < 400):  # what follows a comment that is too short is passed over
        assert f"a segment of the file is damaged ({which}); its pixels are whole" in photograph.notices


def test_what_a_segment_of_a_wrong_length_holds_still_counts(tmp_path, scene):
    sideways = segment(0xE1, b"Exif\0\0" + exif(SIDEWAYS))
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")  # the numbers are red, green and blue
    for beside in (sideways, adobe):
        whole = with_segments(encoded(scene, "JPEG", quality=95), beside)
        for length in (0, 65535):
            photograph = load(tmp_path, with_length(whole, 4, length))
            np.testing.assert_array_equal(photograph.pixels, load(tmp_path, whole).pixels)


def test_two_segments_of_wrong_lengths_and_one_between_scans(tmp_path, scene):
    plain = encoded(scene, "JPEG", progressive=True)
    wanted = load(tmp_path, plain).pixels
    twice = with_segments(plain, b"\xff\xfe\0\0two", b"\xff\xe1\xff\xffExif\0\0II*\0")
    last = plain.rindex(b"\xff\xc4")
    for data in (twice, plain[:last] + b"\xff\xfe\0\0between" + plain[last:], plain[:-2] + b"\xff\xfe\0\0\xff\xd9"):
        photograph = load(tmp_path, data)
        np.testing.assert_array_equal(photograph.pixels, wanted)
        assert any("a segment of the file is damaged" in notice for notice in photograph.notices)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("length", [0, 3, 9, 30, 3000, 1 << 30])
def test_a_chunk_of_a_wrong_length_is_told_and_the_pixels_are_shown(tmp_path, scene, kind, length):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    whole = encoded(scene, kind, icc_profile=profile, **({"lossless": True} if kind == "WEBP" else {}))
    name = {"PNG": b"iCCP", "WEBP": b"ICCP"}[kind]
    at = whole.index(name) + (4 if kind == "WEBP" else -4)
    photograph = load(tmp_path, with_length(whole, at, length, "<I" if kind == "WEBP" else ">I"))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert any(name.decode() in notice and "its pixels are whole" in notice for notice in photograph.notices)


def test_a_png_with_a_damaged_name_beside_its_pixels_opens(tmp_path, scene):
    data = with_chunks(encoded(scene, "PNG"), chunk(b"tE\0t", b"a\0b"))
    photograph = load(tmp_path, data)
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert r"tE\x00t" in photograph.notices[0]


@pytest.mark.parametrize("behind", [b"", bytes(40), b"the camera's own words"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_a_jpeg_with_an_end_marker_in_its_midst_is_refused(tmp_path, options, behind):
    noise = np.random.default_rng(3).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    data = encoded(noise, "JPEG", **options)
    assert load(tmp_path, data + behind).notices == ()
    scan = data.index(b"\xff\xda") + 20
    for at in np.linspace(scan, len(data) - 400, 7).astype(int):
        for cut in (data[:at] + b"\xff\xd9" + data[at:], data[:at] + b"\xff\xd9" + behind):
            with pytest.raises(PhotographError, match="damaged or cut short"):
                load(tmp_path, cut)


def test_a_photograph_that_is_grey_in_its_corner_is_none_that_is_cut(tmp_path):
    grey = np.full((80, 80, 3), 128, np.uint8)
    assert load(tmp_path, encoded(grey, "JPEG")).notices == ()


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_damaged_tag_beside_the_orientation_does_no_harm(tmp_path, scene, order):
    sideways = (0x0112, 3, 1, struct.pack(order + "HH", 6, 0))
    outside = (0x010F, 2, 4000, struct.pack(order + "I", 0xFFFFFF00))
    block = exif(outside, sideways, (0x829A, 99, 1, b"????"), order=order)
    wanted = np.rot90(scene, -1)
    png = with_chunks(encoded(scene, "PNG"), chunk(b"eXIf", block))
    np.testing.assert_array_equal(load(tmp_path, png).pixels, wanted)
    jpeg = load(tmp_path, with_segments(encoded(scene, "JPEG", quality=95), segment(0xE1, b"Exif\0\0" + block)))
    assert np.abs(jpeg.pixels.astype(int) - wanted).mean() < 2
    np.testing.assert_array_equal(
        load(tmp_path, encoded(scene, "WEBP", lossless=True, exif=b"Exif\0\0" + block)).pixels, wanted
    )


def test_orientation_by_xmp_and_by_imagemagicks_text(tmp_path, scene):
    wanted = np.rot90(scene, -1)
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    png = encoded(scene, "PNG")
    itxt = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    np.testing.assert_array_equal(load(tmp_path, with_chunks(png, itxt)).pixels, wanted)
    raw = b"Exif\0\0" + exif(SIDEWAYS)
    text = b"\nexif\n%8d\n%s\n" % (len(raw), raw.hex().encode())
    ztxt = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    np.testing.assert_array_equal(load(tmp_path, with_chunks(png, ztxt)).pixels, wanted)
    np.testing.assert_array_equal(load(tmp_path, encoded(scene, "WEBP", lossless=True, xmp=xmp)).pixels, wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_every_orientation(tmp_path, scene, orientation, kind):
    tags = Image.Exif()
    tags[0x0112] = orientation
    wanted = {
        1: scene, 2: scene[:, ::-1], 3: scene[::-1, ::-1], 4: scene[::-1], 5: scene.transpose(1, 0, 2),
        6: np.rot90(scene, -1), 7: np.rot90(scene, 2).transpose(1, 0, 2), 8: np.rot90(scene),
    }[orientation]  # fmt: skip
    np.testing.assert_array_equal(load(tmp_path, encoded(scene, kind, exif=tags)).pixels, wanted)


def tiff(pages, order="<", below=None):
    """An uncompressed TIFF of (pixels, further tags) pages; the page `below` lies in the first one's SubIFDs."""
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    places = []
    for pixels, further in pages:
        grey = pixels.ndim == 2
        data += bytes(len(data) % 2)
        strip = len(data)
        data += pixels.tobytes()
        tags = {
            256: (4, pixels.shape[1]), 257: (4, pixels.shape[0]), 258: (3, 8), 259: (3, 1), 262: (3, 1 if grey else 2),
            273: (4, strip), 277: (3, 1 if grey else 3), 278: (4, pixels.shape[0]), 279: (4, pixels.nbytes), **further,
        }  # fmt: skip
        data += bytes(len(data) % 2)
        places.append((len(data), sorted(tags)))
        data += struct.pack(order + "H", len(tags))
        for tag in sorted(tags):
            kind, value = tags[tag]
            data += struct.pack(order + "HHI", tag, kind, 1)
            data += struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
        data += bytes(4)
    chain = [place for i, (place, _) in enumerate(places) if i != below]
    struct.pack_into(order + "I", data, 4, chain[0])
    for here, following in pairwise(chain):
        count = struct.unpack_from(order + "H", data, here)[0]
        struct.pack_into(order + "I", data, here + 2 + 12 * count, following)
    if below is not None:
        at = places[0][0] + 2 + 12 * places[0][1].index(330) + 8
        struct.pack_into(order + "I", data, at, places[below][0])
    return bytes(data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiffs_photograph_is_found_among_thumbnails_and_masks(tmp_path, scene, order):
    small, scene = scene, np.repeat(np.repeat(scene, 4, axis=0), 4, axis=1)
    mask = np.zeros(scene.shape[:2], np.uint8)
    files = {
        "marked thumbnail first": [(small, {254: (4, 1)}), (scene, {})],
        "marked by the old tag": [(small, {255: (3, 2)}), (scene, {255: (3, 1)})],
        "unmarked thumbnail first": [(small, {}), (scene, {})],
        "mask first": [(mask, {254: (4, 4)}), (scene, {})],
        "a reduced copy of full size": [(255 - scene, {254: (4, 1)}), (scene, {})],
    }
    for name, pages in files.items():
        photograph = load(tmp_path, tiff(pages, order))
        np.testing.assert_array_equal(photograph.pixels, scene, err_msg=name)
        assert photograph.notices == (), name
    below = tiff([(small, {254: (4, 1), 330: (4, 0)}), (scene, {254: (4, 0)})], order, below=1)
    np.testing.assert_array_equal(load(tmp_path, below).pixels, scene)
    stereo = load(tmp_path, tiff([(scene, {}), (255 - scene, {}), (small, {})], order))
    np.testing.assert_array_equal(stereo.pixels, scene)
    assert stereo.notices == ("the file holds a further page, not shown",)
    assert np.array_equal(load(tmp_path, tiff([(small, {254: (4, 1)})], order)).pixels, small)


def test_damaged_tags_and_loops_of_a_tiff_do_no_harm(tmp_path, scene):
    outside = {270: (2, 0), 700: (7, 0), 34675: (7, 0), 34665: (4, 0xFFFFFF), 42016: (99, 7)}
    photograph = load(tmp_path, tiff([(scene, outside)]))
    np.testing.assert_array_equal(photograph.pixels, scene)
    looped = bytearray(tiff([(scene, {}), (scene, {})]))
    first = struct.unpack_from("<I", looped, 4)[0]
    second = struct.unpack_from("<I", looped, first + 2 + 12 * struct.unpack_from("<H", looped, first)[0])[0]
    count = struct.unpack_from("<H", looped, second)[0]
    struct.pack_into("<I", looped, second + 2 + 12 * count, first)
    assert load(tmp_path, bytes(looped)).notices == ("the file holds a further page, not shown",)


@pytest.mark.parametrize("compression", [None, "tiff_deflate", "tiff_lzw", "jpeg", "packbits"])
def test_tiffs_of_every_compression_open_and_tell_of_further_pages(tmp_path, scene, compression):
    buffer = io.BytesIO()
    first, *others = (Image.fromarray(pixels) for pixels in (scene, 255 - scene, 255 - scene))
    first.save(buffer, "TIFF", save_all=True, append_images=others, compression=compression)
    photograph = load(tmp_path, buffer.getvalue())
    assert np.abs(photograph.pixels.astype(int) - scene).mean() < (8 if compression == "jpeg" else 0.001)
    assert photograph.notices == ("the file holds 2 further pages, not shown",)
    big = io.BytesIO()
    first.save(big, "TIFF", big_tiff=True, compression=compression)
    assert load(tmp_path, big.getvalue()).notices == ()


def test_second_pictures_of_a_jpeg_are_told_and_previews_are_not(tmp_path, scene):
    large = np.repeat(np.repeat(scene, 4, axis=0), 4, axis=1)
    for second, told in ((255 - large, True), (large[::8, ::8], False)):
        buffer = io.BytesIO()
        Image.fromarray(large).save(buffer, "MPO", save_all=True, append_images=[Image.fromarray(second)], quality=95)
        photograph = load(tmp_path, buffer.getvalue())
        assert np.abs(photograph.pixels.astype(int) - large).mean() < 4
        assert photograph.notices == (("the file holds a further picture, not shown",) if told else ())


def test_animations_are_told(tmp_path, scene):
    frames = [Image.fromarray(scene), Image.fromarray(255 - scene)]
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **options)
        photograph = load(tmp_path, buffer.getvalue())
        np.testing.assert_array_equal(photograph.pixels, scene)
        assert "animation of 2 pictures" in photograph.notices[0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_an_empty_alpha_channel_is_left_out_and_told(tmp_path, scene, kind):
    clear = np.dstack([scene, np.zeros(SHAPE, np.uint8)])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    photograph = load(tmp_path, encoded(clear, kind, **options))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert "transparency" in photograph.notices[0]
    clear[:, :8, 3] = 255
    photograph = load(tmp_path, encoded(clear, kind, **options))
    np.testing.assert_array_equal(photograph.pixels[:, :8], scene[:, :8])
    assert not photograph.pixels[:, 8:].any()
    assert photograph.notices == ()


def test_transparent_colours_of_grey_and_palette_pictures(tmp_path, scene):
    grey = scene[..., 0]
    photograph = load(tmp_path, encoded(np.dstack([grey, np.zeros(SHAPE, np.uint8)]), "PNG"))
    np.testing.assert_array_equal(photograph.pixels, np.dstack([grey] * 3))
    buffer = io.BytesIO()
    image = Image.fromarray(scene).quantize(8)
    image.save(buffer, "PNG", transparency=0)
    pixels = load(tmp_path, buffer.getvalue()).pixels
    hidden = np.asarray(image) == 0
    assert not pixels[hidden].any()
    np.testing.assert_array_equal(pixels[~hidden], np.asarray(image.convert("RGB"))[~hidden])


def test_premultiplied_tiffs(tmp_path, scene):
    half = np.dstack([scene // 2, np.full(SHAPE, 128, np.uint8)])
    data = bytearray(tiff([(half, {258: (3, 8), 277: (3, 4), 338: (3, 1)})]))
    pixels = load(tmp_path, bytes(data)).pixels  # associated alpha, on black: the values as stored
    assert np.abs(pixels.astype(int) - scene // 2).max() <= 2


def test_profiles_too_large_or_damaged_are_told(tmp_path, scene):
    png = encoded(scene, "PNG")
    bomb = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(64 << 20)))
    damaged = chunk(b"iCCP", b"p\0\0not zlib")
    for name, beside in (("too large", bomb), ("damaged", damaged)):
        photograph = load(tmp_path, with_chunks(png, beside))
        np.testing.assert_array_equal(photograph.pixels, scene)
        assert f"profile is {name}" in photograph.notices[0]
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        cut = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()[:200]
        photograph = load(tmp_path, encoded(scene, kind, icc_profile=cut))
        assert "colour profile cannot be used" in photograph.notices[0], kind


def test_what_is_kept_beside_the_pixels_is_bounded():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * (1 << 20), zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "PNG", pnginfo=info)
    assert b"zTXt" not in containers.take_apart(buffer.getvalue()).picture


def test_any_bytes_end_in_a_picture_or_one_line(tmp_path, scene):
    rng = np.random.default_rng(5)
    files = [encoded(scene, kind) for kind in ("PNG", "JPEG", "TIFF", "WEBP")] + [tiff([(scene, {}), (scene, {})])]
    for data in files:
        for _ in range(60):
            spoilt = bytearray(data)
            for at in rng.integers(2, len(data), 1 + rng.integers(6)):
                spoilt[at] = rng.integers(256)
            lines = []
            try:
                lines += load(tmp_path, bytes(spoilt)).notices
            except PhotographError as error:
                lines.append(str(error))
            assert not any("\n" in line for line in lines)


def test_a_pyramid_opens_at_its_full_size_in_whatever_order_its_steps_come(tmp_path, scene):
    full = np.repeat(np.repeat(scene, 4, axis=0), 4, axis=1)
    steps = [(scene, {}), (full[::2, ::2], {}), (full, {})]
    for pages in (steps, steps[::-1], steps[1:]):
        photograph = load(tmp_path, tiff(pages))
        np.testing.assert_array_equal(photograph.pixels, full)
        assert photograph.notices == ()


def test_date_and_resolution_are_those_of_the_page_that_is_shown(tmp_path, scene):
    small = Image.fromarray(scene)
    full = small.resize((256, 192))
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "eye", True) as file:
        small.save(file, "TIFF", tiffinfo={254: 1}, dpi=(75, 75))
        file.newFrame()
        full.save(file, "TIFF", tiffinfo={306: "2019:03:05 14:20:31"}, dpi=(300, 300))
    context = load_photograph(tmp_path / "eye").context
    assert (context.taken, context.dpi) == ("2019:03:05 14:20:31", (300, 300))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_date_and_resolution_are_told_whatever_stands_beside_them(tmp_path, scene, kind):
    tags = Image.Exif()
    tags[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2019:03:05 14:20:31"}
    tags[ExifTags.Base.XResolution] = tags[ExifTags.Base.YResolution] = 300.0
    tags[ExifTags.Base.ResolutionUnit] = 2
    data = encoded(scene, kind, exif=tags.tobytes(), **({"dpi": (300, 300)} if kind == "PNG" else {}))
    if kind == "PNG":
        text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(3 << 20)))
        data = with_chunks(data, text, chunk(b"gAMA", b"\0"), chunk(b"iTXt", b"\xff"), chunk(b"tIME", b""))
    if kind == "JPEG":
        data = with_segments(data, segment(0xED, b"Photoshop 3.0\0" + bytes(9)), segment(0xE2, b"MPF\0II"))
    context = load(tmp_path, data).context
    assert context.taken == "2019:03:05 14:20:31"
    assert context.dpi == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("opaque", [1, 10])
def test_a_transparency_that_leaves_next_to_nothing_was_not_meant(tmp_path, scene, opaque):
    alpha = np.full((*SHAPE, 1), opaque, np.uint8)
    photograph = load(tmp_path, encoded(np.concatenate([scene, alpha], axis=2), "PNG"))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert photograph.notices == ("its transparency would hide most of it, and is ignored",)


def test_nor_was_one_that_leaves_a_corner(tmp_path, scene):
    alpha = np.zeros((*SHAPE, 1), np.uint8)
    alpha[:4, :8] = 255
    photograph = load(tmp_path, encoded(np.concatenate([scene, alpha], axis=2), "PNG"))
    np.testing.assert_array_equal(photograph.pixels, scene)
    assert "would hide most of it" in photograph.notices[0]
