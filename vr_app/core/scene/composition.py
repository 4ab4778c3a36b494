"""Which surfaces the headset's runtime shows by itself, each from a picture of its own, and what is left to draw.

A panel drawn into an eye's picture is sampled twice: into the picture, and out of it through the lens. A composition
layer is sampled once, at the display's resolution, from a *face*: the surface's own picture, drawn face-on and only
when it changes. Layers have no depth; they are shown in the order of the scene, between the eyes' pictures of what is
behind (the room, surfaces drawn as meshes) and of what is before them (rays, words of no panel).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

import numpy as np

from vr_app.core.scene.scene import PLATE_EDGE, PLATE_X, PLATE_Y, LabelItem, Scene, SurfaceItem
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import CAP_ANGLE, ImageView, Panel, Retina, standing_on, unbent

SHARPER = 1.5
"""Pixels of a face per pixel of an eye's picture, along a line. Headsets recommend pictures that are about as fine as
the middle of their display, or coarser."""

KEPT_WITHIN = 1.25
"""A face is kept while it is at most this much finer or coarser than wanted, so that a swaying head changes nothing."""

RIM = 0.02
"""Metres around a panel taken by its bezel and the soft edge."""

REACH_X, REACH_Y = PLATE_X + PLATE_EDGE, PLATE_Y + PLATE_EDGE
"""How far a label's plate and its edge extend beyond its text, in em: sideways, and up and down from its middle."""

NEAR = 0.3
"""Metres. A surface nearer to the eye than this is not drawn any finer."""

MOST = 14
"""The most layers for surfaces. About a dozen panels fit on the arc around the viewer."""

FACE_PIXELS, ALL_PIXELS = 6_000_000, 20_000_000
"""The most pixels of one face, and of all together: 20 million take 240 MB with three images in each swapchain."""

STEP = 128
"""Pixels. A face's sides are multiples, so that a swapchain of the very same size serves faces of about that size."""

MARGIN = 0.25
"""How much is drawn around the visible part of a surface, as a fraction of that part, so that the head may turn."""

_FAR = 50.0
"""Metres from which a face is drawn face-on. Any distance suits the panel; its words stand a little in front of it."""

_ASIDE = math.radians(85.0)
"""From the middle of a bent panel, at its cylinder's axis: an eye that sees further than that sees all of it."""

_REACH_X, _REACH_Y, _REACH_Z = 1.0, 0.5, 0.02
"""Metres beside, above and before a panel within which words that stand in its plane are its own."""


class Shape(Enum):
    """A kind of composition layer."""

    QUAD = "quad"
    CYLINDER = "cylinder"
    EQUIRECT = "equirect2"


@dataclass(frozen=True)
class Offer:
    """What a runtime accepts: at most `layers` layers, of these `shapes`, from pictures up to `longest` pixels a
    side."""

    layers: int = 0
    longest: int = 0
    shapes: frozenset[Shape] = frozenset()


@dataclass(frozen=True)
class Face:
    """A rectangle of a surface and its picture's `size` (width, height) in pixels.

    A panel's counts metres from its middle, right and up; the retina's radians of longitude to the right and of
    latitude up, from the pole.
    """

    left: float
    bottom: float
    right: float
    top: float
    size: tuple[int, int]

    @property
    def density(self) -> float:
        """Pixels per metre or radian."""
        return self.size[0] / (self.right - self.left)

    def covers(self, part: Bounds) -> bool:
        """Whether it covers `part` on every side."""
        left, bottom, right, top = part
        return self.left <= left and self.bottom <= bottom and self.right >= right and self.top >= top


NOTHING = Scene(backdrop=False)

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top."""

Key = tuple[int, int]
"""A photograph, and which of its surfaces it is."""


@dataclass(frozen=True)
class Layered:
    """A surface that the runtime shows. `content`: what its face shows, in the surface's own coordinates, so that one
    that is carried about need not be drawn again."""

    key: Key
    shape: Shape
    surface: Panel | Retina
    face: Face
    content: Scene


@dataclass(frozen=True)
class Arrangement:
    """A scene taken apart: `behind` is drawn into the eyes' pictures, `layers` are shown over it, and `before` is drawn
    over these into pictures with nothing behind (None: there is nothing)."""

    behind: Scene
    layers: tuple[Layered, ...] = ()
    before: Scene | None = None


def arrange(
    scene: Scene, eyes: Sequence[Eye], offer: Offer, kept: Mapping[Key, Face], advance: Callable[[str], float]
) -> Arrangement:
    """Take a scene apart. `kept`: the faces of the last frame; `advance`: how long text is, in em.

    If there are more surfaces than layers or pixels allow, the nearest get one; the rest are drawn as meshes.
    """
    most = min(MOST, offer.layers - 2)
    keys = _keys(scene.surfaces)
    whose = _owners(scene)
    found: dict[int, Layered] = {}
    left = ALL_PIXELS
    for n in sorted(range(len(keys)), key=lambda n: (_nearness(scene.surfaces[n], eyes, keys[n] in kept), n)):
        shape = _shape(scene.surfaces[n], offer)
        if len(found) >= most or shape is None:
            continue
        labels = tuple(label for label, owner in zip(scene.labels, whose, strict=True) if owner == n)
        layered = _layered(keys[n], shape, scene.surfaces[n], labels, scene, eyes, offer, kept.get(keys[n]), advance)
        pixels = layered.face.size[0] * layered.face.size[1]
        if pixels <= left:
            found[n] = layered
            left -= pixels
    if not found:
        return Arrangement(scene)
    own = list(zip(scene.labels, whose, strict=True))
    meshes = tuple(item for n, item in enumerate(scene.surfaces) if n not in found)
    beneath = tuple(label for label, owner in own if owner is not None and owner not in found)
    over = tuple(label for label, owner in own if owner is None)
    behind = replace(scene, surfaces=meshes, labels=beneath, rays=(), sheet=None, veil=0.0)
    before = Scene(labels=over, rays=scene.rays, sheet=scene.sheet, veil=scene.veil, backdrop=False)
    if before == NOTHING:
        before = None
    return Arrangement(behind, tuple(found[n] for n in sorted(found)), before)


def _keys(items: Sequence[SurfaceItem]) -> list[Key]:
    count: dict[int, int] = {}
    keys = []
    for item in items:
        n = count.get(item.photograph, 0)
        count[item.photograph] = n + 1
        keys.append((item.photograph, n))
    return keys


def _shape(item: SurfaceItem, offer: Offer) -> Shape | None:
    shape = Shape.EQUIRECT
    if isinstance(item.surface, Panel):
        shape = Shape.CYLINDER if item.surface.bend else Shape.QUAD
    return shape if shape in offer.shapes else None


def _nearness(item: SurfaceItem, eyes: Sequence[Eye], kept: bool) -> float:
    """Return the metres from the nearest eye; slightly less for a surface that is already a layer, so that two do not
    alternate."""
    nearest = min(_distance(item.surface, eye) for eye in eyes)
    return nearest * (0.8 if kept else 1.0)


def _distance(surface: Panel | Retina, eye: Eye) -> float:
    to_local = surface.pose.inverse_matrix()
    x, y, z = (float(v) for v in to_local[:3, :3] @ eye.pose.position + to_local[:3, 3])
    if isinstance(surface, Retina):
        return max(NEAR, surface.radius - math.hypot(x, y, z))
    if surface.bend:
        return max(NEAR, _from_bent(surface, x, y, z))
    beside, above = _off(surface, x, y)
    return max(NEAR, math.hypot(beside, above, z))


def _from_bent(panel: Panel, x: float, y: float, z: float) -> float:
    """Return the metres from a point in the panel's coordinates to the nearest point of a bent panel."""
    left, _, right, _ = panel.edges
    radius = 1 / panel.bend
    angle = min(max(math.atan2(x, radius - z), left * panel.bend), right * panel.bend)
    nearest = radius * math.sin(angle), radius * (1 - math.cos(angle))
    return math.hypot(x - nearest[0], z - nearest[1], _off(panel, 0.0, y)[1])


def _owners(scene: Scene) -> list[int | None]:
    """Return the surface that each label belongs to: it stands in that surface's plane and at its edge."""
    owners: list[int | None] = []
    for label in scene.labels:
        best, nearest = None, math.inf
        for n, item in enumerate(scene.surfaces):
            apart = _apart(label, item.surface) if isinstance(item.surface, Panel) else None
            if apart is not None and apart < nearest:
                best, nearest = n, apart
        owners.append(best)
    return owners


def _apart(label: LabelItem, panel: Panel) -> float | None:
    """Return the metres from a panel to text that stands in its plane, bent like it and close to it, or else None."""
    x, y, z = _flat(label.pose, panel)
    there = standing_on(panel.pose, np.array((x, y, z)), panel.bend).orientation
    turned = abs(sum(a * b for a, b in zip(label.pose.orientation, there, strict=True))) < 0.99999
    if turned or abs(label.bend - panel.bend) > 1e-9:
        return None
    beside, above = _off(panel, x, y)
    close = abs(z) <= _REACH_Z and beside <= _REACH_X and above <= _REACH_Y
    return math.hypot(beside, above) if close else None


def _flat(pose: Pose, surface: Panel | Retina) -> tuple[float, float, float]:
    """Return where something is in a surface's own coordinates, with a bent panel unrolled."""
    local = np.subtract(pose.position, surface.pose.position) @ surface.pose.rotation()
    if isinstance(surface, Panel) and surface.bend:
        local = unbent(local, surface.bend)
    x, y, z = local.tolist()
    return x, y, z


def _off(panel: Panel, x: float, y: float) -> tuple[float, float]:
    """Return the metres beside and above or below a panel's edges."""
    left, lower, right, upper = panel.edges
    return max(0.0, left - x, x - right), max(0.0, lower - y, y - upper)


def _layered(
    key: Key,
    shape: Shape,
    item: SurfaceItem,
    labels: tuple[LabelItem, ...],
    scene: Scene,
    eyes: Sequence[Eye],
    offer: Offer,
    kept: Face | None,
    advance: Callable[[str], float],
) -> Layered:
    surface = item.surface
    inside = tuple(_inside(label, surface) for label in labels)
    flat = replace(surface, pose=Pose(), bend=0.0) if isinstance(surface, Panel) else replace(surface, pose=Pose())
    own = replace(item, surface=flat)
    about = {"invention": scene.invention, "appearance": scene.appearance}
    content = Scene(surfaces=(own,), labels=inside, **about, backdrop=False)
    on_panel = isinstance(surface, Panel)
    whole = _panel_bounds(surface, inside, advance) if on_panel else _retina_bounds(surface, item.view)
    wanted = SHARPER * max(_per_unit(surface, eye) for eye in eyes)
    return Layered(key, shape, surface, _face(surface, whole, wanted, eyes, offer, kept), content)


def _inside(label: LabelItem, surface: Panel | Retina) -> LabelItem:
    """Return the label in the surface's own coordinates, unrolled; rounded, so that they stay the same wherever it
    is."""
    x, y, z = _flat(label.pose, surface)
    return replace(label, pose=Pose((round(x, 6), round(y, 6), round(z, 6))), bend=0.0)


def _per_unit(surface: Panel | Retina, eye: Eye) -> float:
    """Return the pixels of the eye's picture, in its middle, per metre of a panel or radian of the retina at its
    nearest."""
    left, right, _, _ = eye.fov.tangents()
    per_metre = eye.size[0] / (right - left) / _distance(surface, eye)
    return per_metre * (surface.radius if isinstance(surface, Retina) else 1.0)


def _panel_bounds(panel: Panel, labels: Sequence[LabelItem], advance: Callable[[str], float]) -> Bounds:
    """Return the bounds of the panel with its frame and its text, in its own metres; at a divider, as far as that can
    be moved."""
    left, lower, right, upper = panel.edges
    width, height = max(-left, right) + RIM, max(-lower, upper) + RIM
    left, bottom, right, top = -width, -height, width, height
    for label in labels:
        x, y, _ = label.pose.position
        long = advance(label.text)
        left = min(left, x - (label.align * long + REACH_X) * label.height)
        right = max(right, x + ((1 - label.align) * long + REACH_X) * label.height)
        bottom, top = min(bottom, y - REACH_Y * label.height), max(top, y + REACH_Y * label.height)
    return left, bottom, right, top


def _retina_bounds(surface: Retina, view: ImageView) -> Bounds:
    """Return the longitudes and latitudes between which the photograph lies on the retina."""
    (u, v), zoom = view.center, view.zoom
    steps = np.linspace(0.0, 1.0, 33)
    x, y = np.meshgrid((steps - u) * zoom * surface.radians_u, (v - steps) * zoom * surface.radians_v)
    angle = np.hypot(x, y)
    shrink = np.minimum(1.0, CAP_ANGLE / np.maximum(angle, 1e-9))  # points beyond the cap, onto its edge
    x, y, angle = x * shrink, y * shrink, angle * shrink
    across = np.sinc(angle / np.pi)
    longitude, latitude = np.arctan2(x * across, np.cos(angle)), np.arcsin(np.clip(y * across, -1.0, 1.0))
    edge = 0.02
    if (angle >= CAP_ANGLE - 1e-6).any():
        return -CAP_ANGLE - edge, -CAP_ANGLE - edge, CAP_ANGLE + edge, CAP_ANGLE + edge
    low, high = (longitude.min() - edge, latitude.min() - edge), (longitude.max() + edge, latitude.max() + edge)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _face(
    surface: Panel | Retina, whole: Bounds, wanted: float, eyes: Sequence[Eye], offer: Offer, kept: Face | None
) -> Face:
    """Return the kept face if it will do; otherwise all of the surface, or as much of it as is visible, as finely as
    the pixel limits allow."""
    whole = _level(surface, whole)
    if _fits(whole, wanted, offer):
        if kept is not None and _alike(kept.density, wanted) and _same(kept, whole):
            return kept
        return _cut(surface, whole, wanted)
    seen = _level(surface, _seen(surface, whole, eyes))
    if kept is not None and _alike(kept.density, _affordable(seen, wanted, offer)) and kept.covers(seen):
        return kept
    left, bottom, right, top = seen
    wide, high = MARGIN * (right - left), MARGIN * (top - bottom)
    wider = (
        max(whole[0], left - wide),
        max(whole[1], bottom - high),
        min(whole[2], right + wide),
        min(whole[3], top + high),
    )
    return _cut(surface, wider, _affordable(wider, wanted, offer))


def _level(surface: Panel | Retina, bounds: Bounds) -> Bounds:
    """Extend the retina's bounds equally to north and south: otherwise Monado 25 shows it too high or too low."""
    if isinstance(surface, Panel):
        return bounds
    left, bottom, right, top = bounds
    far = max(-bottom, top)
    return left, -far, right, far


def _alike(density: float, wanted: float) -> bool:
    return wanted / KEPT_WITHIN <= density <= wanted * KEPT_WITHIN


def _same(kept: Face, whole: Bounds) -> bool:
    """Whether a face was cut for these bounds; it may extend one step further."""
    step = (STEP + 0.01) / kept.density
    spare = whole[0] - kept.left, whole[1] - kept.bottom, kept.right - whole[2], kept.top - whole[3]
    return all(-1e-9 <= room <= step for room in spare)


def _fits(bounds: Bounds, density: float, offer: Offer) -> bool:
    width, height = _size(bounds, density)
    return max(width, height) <= offer.longest and width * height <= FACE_PIXELS


def _affordable(bounds: Bounds, wanted: float, offer: Offer) -> float:
    """Return the wanted density, or the largest that the pixel limit allows."""
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    longest = (offer.longest - offer.longest % STEP) / max(width, height)
    # The pixels added to make both sides whole steps must fit too: (w + step) (h + step) pixels.
    around = STEP * (width + height)
    many = (math.sqrt(around**2 + 4 * width * height * (FACE_PIXELS - STEP**2)) - around) / (2 * width * height)
    return min(wanted, longest, many)


def _cut(surface: Panel | Retina, bounds: Bounds, density: float) -> Face:
    """Return a face with square pixels: it extends part of a step beyond the bounds, for a panel to the right and
    up."""
    left, bottom, _, _ = bounds
    width, height = size = _size(bounds, density)
    if isinstance(surface, Retina):
        bottom = -height / density / 2
    return Face(left, bottom, left + width / density, bottom + height / density, size)


def _size(bounds: Bounds, density: float) -> tuple[int, int]:
    left, bottom, right, top = bounds
    return _stepped((right - left) * density), _stepped((top - bottom) * density)


def _stepped(pixels: float) -> int:
    return STEP * math.ceil(pixels / STEP - 1e-9)


def _seen(surface: Panel | Retina, whole: Bounds, eyes: Sequence[Eye]) -> Bounds:
    """Return what the eyes see of a surface, within `whole`; all of it if an eye sees beyond the surface's horizon."""
    parts = [part for eye in eyes if (part := _seen_by(surface, eye)) is not None]
    if len(parts) < len(eyes):
        return whole
    low, high = np.min([part[0] for part in parts], axis=0), np.max([part[1] for part in parts], axis=0)
    left, bottom = max(whole[0], float(low[0])), max(whole[1], float(low[1]))
    right, top = min(whole[2], float(high[0])), min(whole[3], float(high[1]))
    return (left, bottom, right, top) if left < right and bottom < top else whole


@lru_cache(maxsize=32)
def _seen_by(surface: Panel | Retina, eye: Eye) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the lowest and the highest value of both coordinates where rays through an eye's picture meet the
    surface."""
    steps = np.linspace(0.0, 1.0, 9)
    rays = eye.rays(steps[None, :] * eye.size[0], steps[:, None] * eye.size[1]).reshape(-1, 3)
    to_local = surface.pose.inverse_matrix()
    start = to_local[:3, :3] @ eye.pose.position + to_local[:3, 3]
    along = rays @ to_local[:3, :3].T
    if isinstance(surface, Panel) and surface.bend:
        x, y, distance = surface.meets(np.asarray(eye.pose.position), rays)
        if not ((distance > 0) & (np.abs(x * surface.bend) < _ASIDE)).all():
            return None
        points = np.stack([x, y], axis=-1)
    elif isinstance(surface, Panel):
        if start[2] <= 0 or (along[:, 2] > -0.05).any():
            return None
        points = start[:2] - along[:, :2] * (start[2] / along[:, 2:])
    else:
        half_b = along @ start
        inside = half_b**2 - (start @ start - surface.radius**2)
        if (inside < 0).any():
            return None
        point = (start + (-half_b + np.sqrt(inside))[:, None] * along) / surface.radius
        if (point[:, 2] > -0.05).any():
            return None
        points = np.stack([np.arctan2(point[:, 0], -point[:, 2]), np.arcsin(np.clip(point[:, 1], -1, 1))], axis=-1)
    return points.min(axis=0), points.max(axis=0)


def flat_eye(face: Face) -> Eye:
    """Return the eye that sees a panel's face face-on, with the panel at the origin: its picture is the face."""
    left, right = math.atan(face.left / _FAR), math.atan(face.right / _FAR)
    up, down = math.atan(face.top / _FAR), math.atan(face.bottom / _FAR)
    return Eye(Pose((0.0, 0.0, _FAR)), Fov(left, right, up, down), face.size)
