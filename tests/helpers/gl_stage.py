"""What the GL tests share: a context without a display, a photograph in a texture array, and an independent reference.

`warped` computes in NumPy, from rays and surfaces alone, what the renderer must show; it shares no code with the
shaders.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from sr_core.image.geometry import TileKey, level_size
from sr_core.image.pyramid import Pyramid, build_pyramid, cut_tile
from sr_core.tiles.request import TileInMemory
from tests.helpers.records import of
from vr_app.core.scene.scene import Scene, SurfaceItem, surface_items
from vr_app.core.space.pose import FAR, NEAR, Eye, Fov, Pose
from vr_app.core.space.surface import Panel, Retina, photograph_uv
from vr_app.core.tiles.page_table import PageTable, Residency
from vr_app.core.tiles.visible import demands, tiles_wanted
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place
from vr_app.core.view.step import step
from vr_app.core.view.view import ViewState
from vr_app.gl.context import GL, Context, ContextError, open_offscreen
from vr_app.gl.draw import Renderer
from vr_app.gl.objects import Framebuffer
from vr_app.gl.tiles import TileArray, Uploader

SIZE = (480, 360)
LATER = 1000.0
"""A moment long after every tile has faded in."""


@contextmanager
def offscreen() -> Iterator[Context]:
    """Yield a context without a display; skip the test if there is none."""
    try:
        context = open_offscreen()
    except ContextError as error:
        pytest.skip(str(error))
    with context:
        yield context


def eye_at(x: float = 0.0, size: tuple[int, int] = SIZE, vertical: float = 50.0) -> Eye:
    """Return an eye `x` metres to the right of the origin, looking along -z."""
    return Eye(Pose((x, 0.0, 0.0)), Fov.symmetric(math.radians(vertical), size[0] / size[1]), size)


def demo_photograph(edge: int = 0) -> np.ndarray:
    """Return the bundled photograph, or `edge` x 0.8 `edge` pixels of it where the optic disc meets the vessels."""
    pixels = np.asarray(Image.open(asset_path("demo", "retina.jpg")).convert("RGB"))
    if edge:
        pixels = pixels[500 : 500 + int(edge * 0.8), 200 : 200 + edge]
    return np.array(pixels)


def enlarged(pixels: np.ndarray, level: int) -> np.ndarray:
    """Return a picture that stands in for the network's at a level: any pixels will do."""
    height, width = pixels.shape[:2]
    size = level_size(width, height, level)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _marked(pixels: np.ndarray, level: int) -> np.ndarray:
    """Return a level's picture as it is uploaded: a synthesised one has a fourth channel."""
    return np.pad(pixels, ((0, 0), (0, 0), (0, 1))) if level > 0 else pixels


class Stage:
    """A photograph, the texture array and a renderer; `levels` adds pictures for levels above 0."""

    def __init__(self, pixels: np.ndarray, levels: dict[int, np.ndarray] | None = None, slots: int = 2048) -> None:
        self.pyramid: Pyramid = build_pyramid(pixels)
        self.pictures = {-n: picture for n, picture in enumerate(self.pyramid.levels)} | (levels or {})
        width, height = self.pyramid.size
        self.record = PhotographRecord("photograph", (width, height), (width / 2, height / 2), min(width, height) / 2)
        self.tiles = TileArray(slots)
        self.residency = Residency(self.tiles.slots)
        self.pages = PageTable(self.residency)
        self.uploader = Uploader(self.tiles, 1 << 30, 60.0)
        self.renderer = Renderer(self.tiles)

    def view(self, surface: SurfaceKind, center: tuple[float, float], zoom: float) -> ViewState:
        return step(of(ViewState.start(1, surface), [self.record]), (LookAt(surface, center, zoom),), 0.0)

    def items(self, view: ViewState, eyes: tuple[Eye, ...], now: float = LATER) -> tuple[SurfaceItem, ...]:
        """Upload every tile that the eyes want and that has a picture, and return what to draw."""
        placed = place(view)
        wants = demands(view, placed, eyes)
        keys = tiles_wanted(replace(view, still_for=1.0), wants)
        self.put(*(key for key in keys if key.level in self.pictures and key not in self.residency.resident))
        return surface_items(view, placed, wants, self.pages, eyes, now)

    def put(self, *keys: TileKey) -> None:
        cut = (cut_tile(_marked(self.pictures[key.level], key.level), (0, 0), key.rect) for key in keys)
        ready = list(map(TileInMemory, keys, cut))
        while ready:
            count = self.uploader.upload(ready, self.residency, 0.0).count
            assert count
            ready = ready[count:]

    def draw(self, scene: Scene, eye: Eye) -> np.ndarray:
        """Return the drawn picture: (H, W, 3) uint8."""
        framebuffer = Framebuffer.create(eye.size)
        self.renderer.draw(framebuffer, eye, scene)
        picture = framebuffer.read()
        framebuffer.close()
        return picture

    def close(self) -> None:
        self.renderer.close()
        self.tiles.close()


def ahead(size: tuple[int, int]) -> np.ndarray:
    """Return the metres in front of the eye, (H, W), first row on top, from the bound depth buffer; FAR where it is
    empty."""
    width, height = size
    stored = np.empty((height, width), np.float32)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
    GL.glReadPixels(0, 0, width, height, GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT, ctypes.c_void_p(stored.ctypes.data))
    return NEAR * FAR / (FAR - stored[::-1].astype(float) * (FAR - NEAR))


def to_surface(surface: Panel | Retina, eye: Eye) -> np.ndarray:
    """Return the metres in front of the eye, (H, W), where it sees a surface; NaN elsewhere."""
    width, height = eye.size
    rays = eye.rays(np.arange(width)[None, :] + 0.5, np.arange(height)[:, None] + 0.5)
    _, distance = surface.hit(np.asarray(eye.pose.position), rays)
    return distance * (rays @ -eye.pose.rotation()[:, 2])


@dataclass(frozen=True)
class Expected:
    """`picture` (H, W, 3) float, sRGB-encoded 0 to 255; `content` (H, W) bool: the pixels to compare."""

    picture: np.ndarray
    content: np.ndarray

    def share_within(self, drawn: np.ndarray, tolerance: float) -> float:
        """Return the fraction of the content's pixels in which every channel is within `tolerance` grey levels."""
        close = (np.abs(drawn.astype(float) - self.picture) <= tolerance).all(axis=-1)
        return float(close[self.content].mean())


def warped(
    item: SurfaceItem, eye: Eye, level_pixels: np.ndarray, level: int, shift: tuple[float, float] = (0.0, 0.0)
) -> Expected:
    """Compute what `eye` sees of a surface that shows one level throughout.

    A ray through each eye pixel's centre finds the photograph point; the level is sampled there bilinearly in linear
    light. Where its pixels are smaller than the eye's, four samples around the point are averaged, as the renderer
    documents. `shift` moves the picture by that many eye pixels (to prove that the comparison detects it).
    """
    columns = np.arange(eye.size[0])[None, :] + 0.5 - shift[0]
    rows = np.arange(eye.size[1])[:, None] + 0.5 - shift[1]
    point = _seen(item, eye, columns, rows)
    # Over 2 x 2 pixels, as GPUs take derivatives.
    right = _seen(item, eye, np.floor((columns - 0.5) / 2) * 2 + 1.5, rows)
    right = right - _seen(item, eye, np.floor((columns - 0.5) / 2) * 2 + 0.5, rows)
    down = _seen(item, eye, columns, np.floor((rows - 0.5) / 2) * 2 + 1.5)
    down = down - _seen(item, eye, columns, np.floor((rows - 0.5) / 2) * 2 + 0.5)
    content = ((point >= 0) & (point <= item.size)).all(axis=-1) & np.isfinite(right + down).all(axis=-1)
    footprint = np.maximum(np.linalg.norm(right, axis=-1), np.linalg.norm(down, axis=-1)) * 2.0**level
    spread = 0.25 * np.clip(2 * (footprint - 1), 0, 1)[..., None]
    light = _decoded(level_pixels)
    total = np.zeros((*content.shape, 3))
    for a, b in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        total += _bilinear(light, (point + spread * (a * right + b * down)) * 2.0**level)
    return Expected(_encoded(total / 4), content)


def _seen(item: SurfaceItem, eye: Eye, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    s, _ = item.surface.hit(np.asarray(eye.pose.position), eye.rays(columns, rows))
    return photograph_uv(s, item.view.center, item.view.zoom) * item.size


def _bilinear(light: np.ndarray, at: np.ndarray) -> np.ndarray:
    height, width = light.shape[:2]
    x = np.clip(np.nan_to_num(at[..., 0]) - 0.5, 0, width - 1)
    y = np.clip(np.nan_to_num(at[..., 1]) - 0.5, 0, height - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    upper = light[y0, x0] * (1 - fx) + light[y0, x1] * fx
    lower = light[y1, x0] * (1 - fx) + light[y1, x1] * fx
    return upper * (1 - fy) + lower * fy


def _decoded(pixels: np.ndarray) -> np.ndarray:
    table = np.arange(256) / 255
    return np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4)[pixels]


def _encoded(light: np.ndarray) -> np.ndarray:
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
