"""What of a scene the headset's runtime shows by itself, and from what part of which surface."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vr_app.core.scene import composition as layering
from vr_app.core.scene.composition import Layered, Offer, Shape, arrange, flat_eye
from vr_app.core.scene.scene import LabelItem, RayItem, Scene, SurfaceItem
from vr_app.core.scene.words import Status, labels
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import BEZEL, CAP_ANGLE, WHOLE, ImageView, Panel, Retina
from vr_app.core.tiles.page_table import NO_SLOT, PageWindow
from vr_app.core.view.pair import divided

FOV = Fov.symmetric(math.radians(90), 1.0)
EYES = tuple(Eye(Pose((x, 0.0, 0.0)), FOV, (1000, 1000)) for x in (-0.03, 0.03))
OFFER = Offer(16, 4096, frozenset(Shape))
RAY = RayItem((0.2, -0.3, 0.0), (0.0, 0.0, -2.0), True)


def pages() -> PageWindow:
    return PageWindow(0, 0, 0, np.full((1, 1, 8), NO_SLOT, np.int16), (0, -4))


def panel_item(photograph: int = 0, position=(0.0, 0.0, -2.0), yaw: float = 0.0, width: float = 1.6) -> SurfaceItem:
    return SurfaceItem(Panel(Pose.facing(position, yaw), width, 1.6), ImageView(), (800, 800), pages(), photograph)


def retina_item(zoom: float = 1.0) -> SurfaceItem:
    return SurfaceItem(Retina(Pose(), 2.0, 1.1, 1.1), ImageView((0.5, 0.5), zoom), (800, 800), pages(), 0)


def with_words(*items: SurfaceItem, **changes) -> Scene:
    return Scene(items, labels(items, 0, Status()), (RAY,), **changes)


def taken_apart(scene: Scene, eyes=EYES, offer=OFFER, kept=None) -> layering.Arrangement:
    return arrange(scene, eyes, offer, kept or {}, lambda words: 0.5 * len(words))


def faces(*layers: Layered) -> dict:
    return {layered.key: layered.face for layered in layers}


def test_panels_go_with_their_words_and_rays_lie_over_them():
    scene = with_words(panel_item(0), panel_item(1, (2.0, 0.0, -1.0), -0.8), invention=True)
    found = taken_apart(scene)
    assert [layered.key for layered in found.layers] == [(0, 0), (1, 0)]
    assert [len(layered.content.labels) for layered in found.layers] == [2, 2]
    assert all(layered.content.invention and not layered.content.backdrop for layered in found.layers)
    assert found.behind == Scene(invention=True)
    assert found.before == Scene(rays=(RAY,), backdrop=False)


def test_without_an_offer_all_is_drawn_as_it_was():
    scene = with_words(panel_item())
    for offer in (Offer(), Offer(2, 4096, frozenset(Shape)), Offer(16, 4096, frozenset())):
        assert taken_apart(scene, offer=offer) == layering.Arrangement(scene)


def test_what_may_be_no_layer_is_drawn_behind_with_its_words_the_farther_first():
    scene = with_words(*(panel_item(n, (0.0, 0.0, -1.0 - n)) for n in range(4)))
    found = taken_apart(scene, offer=replace(OFFER, layers=4))
    assert [layered.key[0] for layered in found.layers] == [0, 1]
    assert [item.photograph for item in found.behind.surfaces] == [2, 3]
    assert len(found.behind.labels) == 4
    assert found.behind.rays == ()


def test_all_faces_together_have_so_many_pixels_at_most():
    scene = Scene(tuple(panel_item(n, (0.0, 0.0, -0.8 - 0.01 * n)) for n in range(12)))
    found = taken_apart(scene)
    pixels = [layered.face.size[0] * layered.face.size[1] for layered in found.layers]
    assert sum(pixels) <= layering.ALL_PIXELS
    assert max(pixels) <= layering.FACE_PIXELS
    assert 0 < len(found.layers) < 12
    assert len(found.behind.surfaces) == 12 - len(found.layers)


def test_a_panel_that_is_carried_about_keeps_its_picture():
    near = taken_apart(with_words(panel_item()))
    carried = taken_apart(with_words(panel_item(0, (0.1, 0.05, -2.0), 0.3)), kept=faces(*near.layers))
    moved, stood = replace(carried.layers[0].content, surfaces=()), replace(near.layers[0].content, surfaces=())
    assert moved == stood
    assert carried.layers[0].face == near.layers[0].face


def test_a_swaying_head_changes_no_face_and_a_step_forward_makes_it_finer():
    scene = with_words(panel_item())
    first = taken_apart(scene)

    def step(forward: float) -> layering.Face:
        eyes = tuple(replace(eye, pose=Pose((eye.pose.position[0], 0.02, -forward))) for eye in EYES)
        return taken_apart(scene, eyes, kept=faces(*first.layers)).layers[0].face

    before = first.layers[0].face
    assert step(0.1) == before
    assert before.density == pytest.approx(layering.SHARPER * 500 / 2)
    assert step(1.0).density == pytest.approx(2 * before.density)
    assert not before.size[0] % layering.STEP
    assert not before.size[1] % layering.STEP


def test_of_what_is_too_large_the_part_in_sight_is_drawn_and_stays_while_the_head_turns_a_little():
    scene = Scene((panel_item(0, (0.0, 0.0, -0.5), width=6.0),))
    first = taken_apart(scene).layers[0]
    assert first.face.right - first.face.left < 2.0
    assert first.face.covers((-0.53, -0.53, 0.53, 0.53))

    def turned(yaw: float) -> layering.Face:
        eyes = tuple(replace(eye, pose=Pose.facing(eye.pose.position, yaw)) for eye in EYES)
        return taken_apart(scene, eyes, kept=faces(first)).layers[0].face

    assert turned(0.05) == first.face
    away = turned(0.5)
    assert away != first.face
    assert away.left < first.face.left


def test_the_retinas_face_holds_the_photograph_and_no_more_than_the_cap():
    small = taken_apart(Scene((retina_item(),))).layers[0]
    assert small.shape is Shape.EQUIRECT
    corner = small.surface.point(np.array([[s, t] for s in (-0.5, 0.5) for t in (-0.5, 0.5)]))
    longitude, latitude = np.arctan2(corner[:, 0], -corner[:, 2]), np.arcsin(corner[:, 1] / 2.0)
    face = small.face
    assert face.covers((longitude.min(), latitude.min(), longitude.max(), latitude.max()))
    assert face.right - face.left < 1.6
    assert face.top == pytest.approx(-face.bottom)
    grown = taken_apart(Scene((retina_item(4.0),)), offer=replace(OFFER, longest=1024)).layers[0].face
    assert max(grown.size) <= 1024
    assert grown.right <= CAP_ANGLE + 0.1


def test_without_equirect_layers_the_retina_is_a_mesh_and_its_words_stay_with_it():
    scene = with_words(retina_item())
    assert taken_apart(scene, offer=replace(OFFER, shapes=frozenset({Shape.QUAD}))) == layering.Arrangement(scene)
    layered = taken_apart(scene)
    assert len(layered.before.labels) == len(scene.labels) == 2


def test_words_in_another_plane_belong_to_no_panel():
    word = LabelItem("help", Pose((0.0, 0.0, -1.0)), 0.05)
    found = taken_apart(Scene((panel_item(),), (word,)))
    assert found.before.labels == (word,)


def test_the_flat_eye_sees_the_face_from_edge_to_edge():
    face = layering.Face(-0.9, -1.1, 0.7, 0.8, (320, 380))
    eye = flat_eye(face)
    left, right, up, down = np.array(eye.fov.tangents()) * eye.pose.position[2]
    assert (left, down, right, up) == pytest.approx((face.left, face.bottom, face.right, face.top))


def test_the_rim_has_room_for_the_bezel():
    assert layering.RIM > BEZEL


def test_a_divider_that_moves_changes_what_faces_show_and_not_the_faces():
    whole = panel_item().surface
    kept: dict = {}
    for divider in (0.5, 0.2, 0.9):
        left, right = divided(whole, replace(whole, window=WHOLE), divider)
        items = [replace(panel_item(n), surface=part) for n, part in enumerate((left, right))]
        found = taken_apart(with_words(*items), kept=kept)
        assert [layered.content.surfaces[0].surface.window for layered in found.layers] == [left.window, right.window]
        assert kept in ({}, faces(*found.layers))
        kept = faces(*found.layers)
        assert all(face.left < -0.8 and face.right > 0.8 for face in kept.values())


def bent_item(photograph: int = 0, position=(0.0, 0.0, -2.0), yaw: float = 0.0) -> SurfaceItem:
    item = panel_item(photograph, position, yaw)
    return replace(item, surface=replace(item.surface, bend=0.5))


def test_a_bent_panel_is_a_cylinder_with_its_words_or_a_mesh_and_never_a_quad():
    scene = with_words(bent_item(0), bent_item(1, (2.0 * math.sin(0.9), 0.3, -2.0 * math.cos(0.9)), -0.9))
    found = taken_apart(scene)
    assert [layered.shape for layered in found.layers] == [Shape.CYLINDER] * 2
    flat = taken_apart(with_words(panel_item(0), panel_item(1, (2.0, 0.3, -1.0), -0.9)))
    for bent, straight in zip(found.layers, flat.layers, strict=True):
        # The face shows the panel unrolled: what the face of a flat one does.
        assert bent.content.surfaces[0].surface == straight.content.surfaces[0].surface
        assert bent.content.labels == straight.content.labels
        assert bent.face.left == pytest.approx(straight.face.left)
        assert bent.face.bottom == pytest.approx(straight.face.bottom)
    assert found.before == Scene(rays=(RAY,), backdrop=False)
    no_cylinder = taken_apart(scene, offer=replace(OFFER, shapes=frozenset((Shape.QUAD, Shape.EQUIRECT))))
    assert no_cylinder.behind == scene
    assert no_cylinder.layers == ()


def test_a_bent_panel_is_as_near_from_the_axis_as_from_anywhere_around_it():
    item = bent_item()
    for x, z in ((1e-9, 0.0), (-1e-9, 1e-9), (0.0, -1e-9)):  # where its angle is nowhere
        eyes = tuple(Eye(Pose((x, 0.0, z)), FOV, (1000, 1000)) for _ in range(2))
        (layered,) = taken_apart(with_words(item), eyes).layers
        assert layered.face.density == pytest.approx(layering.SHARPER * 1000 / 2 / 2.0, rel=1e-6)
    beside = tuple(Eye(Pose((3.0, 0.0, 0.0)), FOV, (1000, 1000)) for _ in range(2))
    (far,) = taken_apart(with_words(item), beside).layers
    edge = item.surface.point(np.array([0.5, 0.0]))
    assert far.face.density == pytest.approx(750 / math.dist(edge, (3.0, 0.0, 0.0)), rel=1e-6)


def test_of_a_bent_panel_close_by_the_part_in_sight_is_drawn():
    eyes = tuple(Eye(Pose((x, 0.0, -1.6)), FOV, (2000, 2000)) for x in (-0.03, 0.03))
    item = bent_item()
    (layered,) = taken_apart(with_words(item), eyes).layers
    face = layered.face
    assert face.right - face.left < item.surface.width
    assert face.size[0] * face.size[1] <= layering.FACE_PIXELS
    for eye in eyes:
        rays = eye.rays(np.array([0.0, 2000.0]), np.array([1000.0, 1000.0]))
        x, _, distance = item.surface.meets(np.asarray(eye.pose.position), rays)
        assert (distance > 0).all()
        assert face.left < x.min() < 0 < x.max() < face.right
