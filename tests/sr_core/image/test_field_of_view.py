"""The fitted circle against HRF's own masks, drawn discs and pictures without a rim."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.image.field_of_view import NO_RIM, NOT_ROUND, SEVERAL, FieldOfView, fit_field_of_view
from sr_core.image.photograph import load_photograph

DATA = Path(os.environ.get("FUNDUSXR_DATA", "no-data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="FUNDUSXR_DATA is not set to the image data")


def disc(width, height, field, seed=0):
    """A noisy disc, brighter at its centre, on a near-black surround."""
    rng = np.random.default_rng(seed)
    x = np.arange(width) + 0.5 - field.cx
    y = np.arange(height)[:, None] + 0.5 - field.cy
    bright = 190 - 110 * (x * x + y * y) / field.radius**2
    grey = np.where(field.mask((height, width)), bright, 4) + rng.normal(0, 2.5, (height, width))
    return np.clip(np.stack([grey, grey * 0.5, grey * 0.2], axis=-1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "field"),
    [
        ((1200, 900), FieldOfView(600, 450, 400)),
        ((1200, 900), FieldOfView(580, 460, 560)),  # clipped above and below
        ((900, 1200), FieldOfView(430, 610, 500)),  # clipped left and right
        ((700, 700), FieldOfView(350, 350, 345)),
        ((300, 200), FieldOfView(150.5, 99.5, 80)),
    ],
)
def test_a_drawn_disc_is_found_within_half_a_percent(size, field):
    found = fit_field_of_view(disc(*size, field))
    for got, wanted in ((found.cx, field.cx), (found.cy, field.cy), (found.radius, field.radius)):
        assert abs(got - wanted) < max(0.005 * field.radius, 0.75)


def test_a_label_in_the_surround_does_not_pull_the_circle():
    field = FieldOfView(600, 450, 400)
    pixels = disc(1200, 900, field).copy()
    pixels[20:60, 20:300] = 255
    found = fit_field_of_view(pixels)
    assert np.hypot(found.cx - 600, found.cy - 450) < 2
    assert abs(found.radius - 400) < 2


@pytest.mark.parametrize("value", [0, 90, 255])
def test_a_picture_without_a_rim_gets_the_circle_over_its_longer_side(value):
    assert fit_field_of_view(np.full((300, 500, 3), value, np.uint8)) == FieldOfView(250, 150, 250)


def test_noise_and_tiny_pictures_do_not_crash():
    for shape in ((16, 16, 3), (16, 4000, 3)):
        found = fit_field_of_view(np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8))
        assert np.isfinite([found.cx, found.cy, found.radius]).all()
        assert found.radius > 0


def test_mask_counts_pixel_centres_and_erodes():
    field = FieldOfView(2.0, 2.0, 1.0)
    assert field.mask((4, 4, 3)).sum() == 4
    assert not field.mask((4, 4), erode=0.5).any()
    assert FieldOfView(50, 50, 40).mask((100, 100)).sum() == pytest.approx(np.pi * 1600, rel=0.01)


def test_bounding_rect_is_clipped_to_the_frame_and_moves_with_crops():
    field = FieldOfView(50.0, 20.0, 30.0)
    assert field.bounding_rect((60, 100, 3)) == (20, 0, 80, 50)
    assert FieldOfView(-50, -50, 3).bounding_rect((10, 10)) == (0, 0, 1, 1)
    assert field.cropped(20, 10).scaled(0.5) == FieldOfView(15.0, 5.0, 15.0)


@needs_data
def test_all_hrf_fields_agree_with_the_masks_within_one_percent():
    worst = {}
    for path in sorted((DATA / "HRF/images").iterdir()):
        mask = np.array(Image.open(DATA / "HRF/mask" / f"{path.stem}_mask.png").convert("L")) > 0
        truth = circle_of_mask(mask)
        found = load_photograph(path).field
        error = np.hypot(found.cx - truth[0], found.cy - truth[1]), abs(found.radius - truth[2])
        worst[path.name] = max(error) / truth[2]
    assert len(worst) == 45
    assert max(worst.values()) < 0.01, max(worst.items(), key=lambda item: item[1])


def circle_of_mask(mask):
    """Centre and radius from a mask's extreme columns, and rows by its area-free symmetry: the disc reaches
    its full width, and is cut evenly or not at all above and below, so the widest row's middle is the
    centre."""
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = columns[0], columns[-1] + 1
    rows = np.flatnonzero(mask[:, left + 3])
    return (left + right) / 2, (rows[0] + rows[-1] + 1) / 2, (right - left) / 2


@needs_data
def test_demo_and_clipped_photographs():
    demo = load_photograph(DATA / "demo/retina.jpg").field
    assert demo.cx == pytest.approx(705, abs=7)
    assert demo.radius == pytest.approx(697, abs=7)
    for name in ("IDRiD_01", "IDRiD_30"):
        field = load_photograph(DATA / f"IDRiD/segmentation_training/{name}.jpg").field
        assert field.radius == pytest.approx(1707, rel=0.01)
        assert field.radius * 2 > 2848


ROUND = FieldOfView(330, 240, 200)
"""In a frame of 660 x 480, all of it inside."""


def textured(field=ROUND, size=(660, 480)):
    """A disc as of `disc`, with the larger structures of a retina."""
    rng = np.random.default_rng(2)
    coarse = Image.fromarray(rng.integers(0, 60, (16, 22), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pixels = disc(*size, field).astype(int) - np.asarray(coarse)[..., None] * field.mask(size[::-1])[..., None]
    return np.clip(pixels, 0, 255).astype(np.uint8)


def on_white(pixels, field=ROUND):
    return np.where(field.mask(pixels.shape)[..., None], pixels, 255).astype(np.uint8)


def framed(pixels, value, width):
    return np.pad(pixels, ((width, width), (width, width), (0, 0)), constant_values=value)


def captioned(pixels, paper, ink, upper=False):
    """With a bar of text, told by blocks of ink, below or above."""
    bar = np.full((44, pixels.shape[1], 3), paper, np.uint8)
    for x in range(10, pixels.shape[1] * 2 // 3, 14):
        bar[14:30, x : x + 5 + x % 7] = ink
    return np.concatenate([bar, pixels] if upper else [pixels, bar])


SURROUNDS = {
    "white": (on_white, ROUND),
    "inverted": (lambda pixels: 255 - pixels, ROUND),
    "framed in white": (lambda pixels: framed(pixels, 255, 12), ROUND.cropped(-12, -12)),
    "framed in grey": (lambda pixels: framed(pixels, 110, 30), ROUND.cropped(-30, -30)),
    "framed by a line": (lambda pixels: framed(pixels, 200, 2), ROUND.cropped(-2, -2)),
    "white, framed in black": (lambda pixels: framed(on_white(pixels), 0, 8), ROUND.cropped(-8, -8)),
    "white caption": (lambda pixels: captioned(pixels, 255, 0), ROUND),
    "black caption": (lambda pixels: captioned(pixels, 0, 255), ROUND),
    "grey caption above": (lambda pixels: captioned(pixels, 90, 255, upper=True), ROUND.cropped(0, -44)),
    "caption at the side": (
        lambda pixels: captioned(pixels.transpose(1, 0, 2), 230, 0).transpose(1, 0, 2),
        ROUND,
    ),
    "white, with a white caption": (lambda pixels: captioned(on_white(pixels), 255, 0), ROUND),
    "white, with a black caption": (lambda pixels: captioned(on_white(pixels), 0, 255), ROUND),
    "a small one beside it": (
        lambda pixels: np.concatenate([pixels, np.pad(pixels[::4, ::4], ((360, 0), (0, 0), (0, 0)))], axis=1),
        ROUND,
    ),
    "half of it": (lambda pixels: pixels[:, 300:], ROUND.cropped(300, 0)),
    "a quarter of it": (lambda pixels: pixels[220:, 300:], ROUND.cropped(300, 220)),
    "grey": (lambda pixels: np.repeat(pixels[..., :1], 3, axis=2), ROUND),
}


@pytest.mark.parametrize("name", SURROUNDS)
def test_the_field_is_found_on_surrounds_of_every_kind(name):
    change, wanted = SURROUNDS[name]
    found = fit_field_of_view(np.ascontiguousarray(change(textured())))
    assert found.provenance == "fitted"
    assert np.hypot(found.cx - wanted.cx, found.cy - wanted.cy) < 0.02 * wanted.radius
    assert abs(found.radius - wanted.radius) < 0.02 * wanted.radius


@pytest.mark.parametrize("across", [0.6, 1.25, 1.6])
def test_an_oval_is_told_and_its_box_is_taken(across):
    pixels = textured()
    wide = Image.fromarray(pixels[40:440, 130:530]).resize((round(400 * across), 400))
    found = fit_field_of_view(np.pad(np.asarray(wide), ((20, 50), (60, 40), (0, 0))))
    assert found.assumed == NOT_ROUND
    assert found.provenance == "assumed"
    assert found.cx == pytest.approx(60 + 200 * across, abs=4)
    assert found.cy == pytest.approx(20 + 200, abs=4)
    assert found.radius == pytest.approx(200 * max(across, 1), rel=0.03)


@pytest.mark.parametrize("change", [lambda pixels: pixels, on_white])
def test_several_fields_in_one_picture_are_told(change):
    pixels = change(textured())
    found = fit_field_of_view(np.concatenate([pixels, pixels[:, ::-1]], axis=1))
    assert found.assumed == SEVERAL
    assert found.radius == pytest.approx(530, rel=0.03)


def test_two_fields_that_touch_are_not_one():
    pixels = textured()[30:450, 120:540]
    found = fit_field_of_view(np.concatenate([pixels, pixels[:, ::-1]], axis=1))
    assert found.provenance == "assumed"


def test_where_the_circle_comes_from_goes_with_it():
    assumed = fit_field_of_view(np.full((300, 500, 3), 90, np.uint8))
    assert assumed.assumed == NO_RIM
    assert assumed.cropped(10, 10).scaled(0.5).provenance == "assumed"
    assert fit_field_of_view(textured()).cropped(10, 10).scaled(0.5).provenance == "fitted"


def pieces(pixels, field, count, seed):
    """Squares from inside a field, of many sizes, the rest about its brightest place, where the optic disc is."""
    rng = np.random.default_rng(seed)
    reach = 0.93 * field.radius
    shrunk = pixels[::16, ::16, 1] * field.scaled(1 / 16).mask(pixels[::16, ::16].shape, erode=0.15 * field.radius / 16)
    bright = np.array(np.unravel_index(shrunk.argmax(), shrunk.shape)[::-1]) * 16
    found = 0
    while found < count:
        side = int(np.exp(rng.uniform(np.log(96), np.log(1.4 * reach))))
        if found % 3:
            x, y = (int(v) for v in np.add((field.cx, field.cy), rng.uniform(-reach, reach, 2)))
        else:
            side = int(field.radius * rng.uniform(0.3, 1))
            x, y = (int(v) for v in bright - side * rng.uniform(0.4, 0.6, 2))
        corners = [(x + a, y + b) for a in (0, side) for b in (0, side)]
        inside = all(np.hypot(a - field.cx, b - field.cy) < reach for a, b in corners)
        if inside and min(x, y) >= 0 and y + side <= pixels.shape[0] and x + side <= pixels.shape[1]:
            found += 1
            yield pixels[y : y + side, x : x + side]


@needs_data
@pytest.mark.parametrize(
    "name", ["HRF/images/15_h.jpg", "HRF/images/03_dr.JPG", "CHASE_DB1/Image_13R.jpg", "CHASE_DB1/Image_04L.jpg"]
)
def test_pieces_without_a_surround_have_no_circle_of_their_own(name):
    photograph = load_photograph(DATA / name)
    for piece in pieces(photograph.pixels, photograph.field, 60, seed=4):
        found = fit_field_of_view(piece)
        assert found.provenance == "assumed", piece.shape
        side = len(piece)
        assert abs(found.cx - side / 2) < 0.1 * side
        assert abs(found.cy - side / 2) < 0.1 * side
        assert found.radius > 0.4 * side


@needs_data
def test_photographs_of_every_camera_have_a_fitted_field():
    for folder, count in (("HYGD/images", 12), ("IDRiD/grading/training", 6), ("CHASE_DB1", 6), ("demo", 4)):
        paths = sorted(p for p in (DATA / folder).iterdir() if p.suffix == ".jpg")
        for path in paths[:: max(len(paths) // count, 1)]:
            assert load_photograph(path).field.provenance == "fitted", path


def as_jpeg(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


CUT = FieldOfView(330, 240, 290)
"""Cut by the frame of 660 x 480 above and below, as many cameras do."""


@pytest.mark.parametrize("quality", [90, 60, 40])
@pytest.mark.parametrize("value", [255, 150])
@pytest.mark.parametrize("width", [2, 9, 22])
def test_a_frame_about_a_field_that_is_cut_above_and_below_is_left_out_through_jpegs_noise(quality, value, width):
    found = fit_field_of_view(as_jpeg(framed(textured(CUT), value, width), quality))
    assert found.provenance == "fitted"
    assert np.hypot(found.cx - 330 - width, found.cy - 240 - width) < 0.02 * 290
    assert abs(found.radius - 290) < 0.02 * 290


@pytest.mark.parametrize("quality", [90, 60])
def test_a_white_surround_in_a_black_frame_through_jpegs_noise(quality):
    found = fit_field_of_view(as_jpeg(framed(on_white(textured(CUT), CUT), 0, 6), quality))
    assert found.provenance == "fitted"
    assert np.hypot(found.cx - 336, found.cy - 246) < 0.02 * 290
    assert abs(found.radius - 290) < 0.02 * 290


@pytest.mark.parametrize("change", [lambda pixels: pixels, lambda pixels: 255 - pixels])
@pytest.mark.parametrize(
    ("x", "y", "right", "lower"), [(0, 0, 330, 480), (330, 0, 660, 480), (0, 0, 660, 240), (0, 240, 660, 480)]
)
def test_a_photograph_cut_through_its_middle_has_its_circle(change, x, y, right, lower):
    found = fit_field_of_view(np.ascontiguousarray(change(textured())[y:lower, x:right]))
    assert found.provenance == "fitted"
    assert np.hypot(found.cx - 330 + x, found.cy - 240 + y) < 0.02 * 200
    assert abs(found.radius - 200) < 0.02 * 200


@needs_data
@pytest.mark.parametrize("name", ["HYGD/images/100_5.jpg", "IDRiD/segmentation_training/IDRiD_03.jpg"])
def test_an_inverted_photograph_whose_surround_glows_has_its_circle(name):
    pixels = load_photograph(DATA / name).pixels[::3, ::3]
    upright, inverted = fit_field_of_view(pixels), fit_field_of_view(255 - pixels)
    assert upright.provenance == inverted.provenance == "fitted"
    assert np.hypot(upright.cx - inverted.cx, upright.cy - inverted.cy) < 0.02 * upright.radius
    assert abs(upright.radius - inverted.radius) < 0.02 * upright.radius


def test_a_bright_disc_on_an_even_ground_is_not_the_field():
    rng = np.random.default_rng(5)
    pixels = np.clip(np.array((150, 80, 40)) + rng.normal(0, 1.5, (121, 242, 3)), 0, 255)
    x, y = np.arange(242) - 215, np.arange(121)[:, None] - 70
    pixels[(x / 34) ** 2 + (y / 26) ** 2 < 1] += 60  # an optic disc near the edge
    found = fit_field_of_view(np.clip(pixels, 0, 255).astype(np.uint8))
    assert found == FieldOfView(121, 60.5, 121)
    assert found.assumed == NO_RIM


def quarters(pixels, field):
    """The four quarters of a picture about its field's middle, each with its circle."""
    (height, width), x, y = pixels.shape[:2], int(field.cx), int(field.cy)
    for left, top, right, bottom in ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)):
        yield np.ascontiguousarray(pixels[top:bottom, left:right]), field.cropped(left, top)


@needs_data
@pytest.mark.parametrize(
    "name",
    [
        "HRF/images/01_dr.JPG",
        "HRF/images/10_g.jpg",
        "HYGD/images/100_5.jpg",
        "HYGD/images/139_2.jpg",
        "HYGD/images/44_4.jpg",
        "HYGD/images/55_3.jpg",
        "IDRiD/segmentation_training/IDRiD_01.jpg",
        "CHASE_DB1/Image_01L.jpg",
        "demo/normal_fundus_cc0.jpg",
    ],
)
def test_a_quarter_of_a_photograph_has_its_circle(name):
    pixels = load_photograph(DATA / name).pixels[::2, ::2]
    for quarter, wanted in quarters(pixels, fit_field_of_view(pixels)):
        found = fit_field_of_view(quarter)
        assert found.provenance == "fitted"
        assert np.hypot(found.cx - wanted.cx, found.cy - wanted.cy) < 0.02 * wanted.radius
        assert abs(found.radius - wanted.radius) < 0.02 * wanted.radius


@needs_data
def test_one_camera_has_one_radius_however_much_glows_about_its_rim():
    names = [path.name for path in sorted((DATA / "HYGD/images").glob("*.jpg"))[::40]]
    for name in (*names, "55_3.jpg", "44_4.jpg"):
        assert load_photograph(DATA / "HYGD/images" / name).field.radius == pytest.approx(935, rel=0.003), name


@pytest.mark.parametrize("glow", [10, 25, 40])
def test_a_glow_on_one_side_of_the_rim_does_not_pull_the_circle(glow):
    pixels = textured().astype(float)
    x, y = np.arange(660) + 0.5 - ROUND.cx, np.arange(480)[:, None] + 0.5 - ROUND.cy
    beyond = np.hypot(x, y) - ROUND.radius
    light = glow * np.exp(-np.clip(beyond, 0, None) / 20) * (beyond > 0) * np.clip(-x / ROUND.radius, 0, 1)
    found = fit_field_of_view(np.clip(pixels + light[..., None], 0, 255).astype(np.uint8))
    assert found.provenance == "fitted"
    assert np.hypot(found.cx - ROUND.cx, found.cy - ROUND.cy) < 0.01 * ROUND.radius
    assert abs(found.radius - ROUND.radius) < 0.01 * ROUND.radius
