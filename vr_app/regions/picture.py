"""A region of interest as one picture to share: photograph, super-resolution and difference side by side, with
everything needed to know what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sr_core.assets import asset_path
from sr_core.files import printable
from sr_core.image.departure import Computed
from sr_core.image.provenance import Made, of_photograph
from sr_core.image.resample import enlarge_bicubic, to_uint8
from vr_app.core.scene import overlay
from vr_app.core.scene.outline import REGION_COLOUR
from vr_app.core.scene.scene import Rgba
from vr_app.core.scene.words import AI_COLOR, PLAIN, WARNING
from vr_app.core.view.region import Region
from vr_app.fonts import SHIPPED

LEAST_EDGE = 420
"""In pixels: in a smaller picture, each pixel is drawn as a square of several."""

GROUND = (16, 17, 19)
QUIET = (0.62, 0.62, 0.62, 1.0)

DESCRIPTION = (
    "Photographed pixels (enlarged), super-resolved ones, and how far the latter depart from the photograph, in grey "
    "levels: yellow to magenta what is invented, blue what is restored. Super-resolved pixels are computed by "
    "FundusXR, not photographed. Not for diagnosis."
)


@dataclass(frozen=True)
class _Sizes:
    """In pixels: three sizes of letters, the margin, and the gaps."""

    large: int
    middle: int
    small: int
    margin: int
    gap: int

    @staticmethod
    def of(cell: int) -> _Sizes:
        """Return the sizes for pictures of this width: a picture that is shown smaller as a whole needs larger
        letters."""
        grown = min(2.5, max(1.0, cell / 500))
        return _Sizes(*(round(size * grown) for size in (30, 19, 15, 28, 16)))


def describe(region: Region, computation: Mapping[str, str]) -> dict[str, str]:
    """Return the picture's text entries; `computation`: those of its computed pixels."""
    return {
        "Description": DESCRIPTION,
        **of_photograph(region.file, region.photograph, region.rect),
        "fundusxr:region-name": region.kind.value,
        "fundusxr:region-note": region.note,
        "fundusxr:region-made": region.made,
        **computation,
    }


def region_picture(photographed: np.ndarray, computed: Computed, region: Region, made: Made) -> np.ndarray:
    """Return the picture, (H, W, 3) uint8.

    `photographed`: the region's own pixels, (h, w, 3) uint8; `computed`: as `Engine.compute` returns it.
    """
    pictures = (
        to_uint8(enlarge_bicubic(photographed.astype(np.float32), made.scale)),
        computed.pixels[..., :3],
        difference(computed),
    )
    height, width = computed.pixels.shape[:2]
    times = max(1, -(-LEAST_EDGE // max(height, width)))
    cell = max(width * times, LEAST_EDGE)
    departure = computed.departure
    restored = f"; restored: {departure.restored:.1f}" if departure.restored else ""
    captions = [
        (f"Photograph: its own pixels, enlarged x{made.scale} (bicubic)", PLAIN),
        (f"AI x{made.scale}: computed, not photographed", AI_COLOR),
        (f"What the AI added: {departure.invented:.1f} grey levels on average{restored}", PLAIN),
    ]
    sizes = _Sizes.of(cell)
    margin, gap, line = sizes.margin, sizes.gap, sizes.middle
    top = margin + sizes.large + line + 2 * gap
    below = top + height * times + gap // 2
    foot = below + line + 3 * gap + 2 * sizes.small
    size = (2 * margin + 3 * cell + 2 * gap, foot + 3 * sizes.small + margin)
    inner = size[0] - 2 * margin
    sheet = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(sheet)
    _write(pen, (margin, margin), region.kind.value, sizes.large, REGION_COLOUR)
    _write(pen, (size[0] - margin, margin), "Not for diagnosis", sizes.large, WARNING, "ra")
    _write(pen, (margin, margin + sizes.large + gap), _about(region), line, PLAIN, within=inner)
    for i, (pixels, (caption, colour)) in enumerate(zip(pictures, captions, strict=True)):
        x = margin + i * (cell + gap)
        shown = np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
        sheet.paste(Image.fromarray(np.ascontiguousarray(shown)), (x + (cell - width * times) // 2, top))
        _write(pen, (x, below), caption, line, colour, within=cell)
    _legend(sheet, pen, (margin + 2 * (cell + gap), below + line + gap), cell, sizes.small)
    for row, words in enumerate(_provenance(region, made)):
        _write(pen, (margin, foot + row * sizes.small * 3 // 2), words, sizes.small, QUIET, within=inner)
    return np.asarray(sheet)


def difference(computed: Computed) -> np.ndarray:
    """Draw how far computed pixels depart, (h, w, 3) uint8: in the overlay's colours, over the picture in dark grey for
    orientation."""
    pixels = computed.pixels
    shown = pixels[..., :3].astype(np.float32).mean(axis=-1, keepdims=True) * 0.35
    if computed.restored is not None:
        times = len(pixels) // len(computed.restored)
        shown = _restored(computed.restored.repeat(times, axis=0).repeat(times, axis=1), shown)
    return np.round(_coloured(pixels[..., 3].astype(np.float32), shown)).astype(np.uint8)


def _coloured(levels: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Colour levels as `shaders/surface.frag` does: nothing, then yellow, then magenta. (..., 3) float, 0 to 255."""
    much = _much(levels)
    little, most = (255 * np.array(colour[:3], np.float32) for colour in (overlay.LITTLE, overlay.MUCH))
    ramp = little + (most - little) * np.clip(2 * much - 1, 0, 1)
    return ground + (ramp - ground) * (overlay.OPACITY * np.minimum(2 * much, 1))


def _restored(levels: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Colour the restored levels likewise: nothing, then blue."""
    blue = 255 * np.array(overlay.RESTORED_COLOUR[:3], np.float32)
    return ground + (blue - ground) * (overlay.OPACITY * np.minimum(2 * _much(levels), 1))


def _much(levels: np.ndarray) -> np.ndarray:
    return np.clip((levels - overlay.FROM) / (overlay.FULL - overlay.FROM), 0, 1)[..., None]


def _legend(sheet: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], wide: int, small: int) -> None:
    """Draw the colours from nothing to `FULL` grey levels, `wide` pixels, with their figures, `small` pixels of em."""
    (x, y), most = at, overlay.FULL * 1.15
    levels = np.linspace(0, most, wide, dtype=np.float32)
    bar = np.round(_coloured(levels, np.full((wide, 1), 40, np.float32))).astype(np.uint8)
    sheet.paste(Image.fromarray(np.repeat(bar[None], small, axis=0)), (x, y))
    middle = (overlay.FROM + overlay.FULL) / 2
    for level in (0.0, overlay.FROM, middle):
        anchor = "ma" if level else "la"
        _write(pen, (x + level / most * wide, y + small * 4 // 3), f"{level:g}", small, QUIET, anchor)
    _write(pen, (x + wide, y + small * 4 // 3), f"{overlay.FULL:g} or more grey levels", small, QUIET, "ra")


def _about(region: Region) -> str:
    rect = region.rect
    place = f"{rect.w} x {rect.h} pixels of the photograph, from x {rect.x}, y {rect.y}"
    made = f"marked {region.made[:10]}" if region.made else ""
    return "    ".join(word for word in (region.file, place, made, region.note) if word)


def _provenance(region: Region, made: Made) -> Sequence[str]:
    dial = f", texture {made.texture:g}" if made.texture else ""
    agrees = "" if made.agrees else "; restored: does not agree with the photograph"
    return (
        f"FundusXR {made.version}, model {made.model} x{made.scale}{dial}, weights SHA-256 {made.weights}{agrees}",
        f"Photograph SHA-256 {region.photograph}",
    )


def _write(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    colour: Rgba,
    anchor: str = "la",
    within: float = float("inf"),
) -> None:
    """Write a line of text, smaller if it would be wider than `within` pixels, and in the end truncated."""
    text = printable(text)  # a layout engine that the machine may have fails on a line break
    font = _font(size)
    while size > 10 and font.getlength(text) > within:
        size -= 1
        font = _font(size)
    while len(text) > 4 and font.getlength(text) > within:
        text = f"{text[:-4]}..."
    pen.text(at, text, tuple(round(255 * part) for part in colour[:3]), font, anchor)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that comes with the program."""
    return ImageFont.truetype(str(asset_path("fonts", SHIPPED)), size)
