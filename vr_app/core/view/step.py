"""How the view changes: by intents, by undo, and when photographs and regions arrive."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from sr_core.image.geometry import MAX_LEVEL
from sr_core.image.layers import overlays_of
from vr_app.core.space.surface import ImageView
from vr_app.core.view.bounds import FIELD_ANGLES, MOST_DOUBLINGS, PANEL_SCALES
from vr_app.core.view.desk import EXACT, Desk
from vr_app.core.view.intent import (
    ALONE,
    Adjust,
    Begin,
    BringForward,
    ChooseRegion,
    ComputeWith,
    GoBack,
    GoToRegion,
    Intent,
    KeepShown,
    LimitLevel,
    LookAt,
    MarkRegion,
    Moved,
    MoveDivider,
    MovePanel,
    NextImage,
    NextLayout,
    NextRegion,
    Pan,
    Pick,
    RegionIntent,
    ResetView,
    SetCompare,
    SetFieldAngle,
    SetLink,
    ShowDraft,
    ShowHelp,
    ShowInvention,
    ShowLayout,
    ShowOriginal,
    ShowOverlay,
    ShowPair,
    ShowPixels,
    ShowRoom,
    SurfaceKind,
    SwitchSurface,
    Undo,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import LEAST_PART, Blink, Compare
from vr_app.core.view.pairing import (
    arranged,
    brought_forward,
    compared,
    completed,
    following,
    laid,
    next_layout,
    paired,
    retied,
    stood,
    turned,
    with_pair,
)
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Given, Region, image_of
from vr_app.core.view.region_step import changed, view_of
from vr_app.core.view.view import (
    Moment,
    ViewState,
    next_loaded,
    on_surface,
    settled,
    swapped,
    with_image,
)

PAST = 50
"""The number of moves that can be undone."""

UNSEEN = 0.004
"""A move by a smaller fraction of the surface, or of the zoom, does not count: undoing it would show no difference."""


def step(view: ViewState, intents: tuple[Intent, ...], dt: float) -> ViewState:
    """Return the view after `intents`, applied in order, and after `dt` seconds. An intent that would make an
    impossible view (NaN, infinite) changes nothing."""
    after = view
    for intent in intents:
        after = _remembering(after, intent)
    before, now = view.moment, after.moment
    # Whatever photographs look like, the same tiles are wanted of them.
    moved = now != before and replace(now, appearance=before.appearance) != before
    after = replace(after, still_for=0.0 if moved else view.still_for + dt)
    pair = after.compared
    blinks = pair is not None and pair.compare is Compare.BLINK
    blink = after.blink.after(dt) if blinks else Blink()
    return after if blink == after.blink else replace(after, blink=blink)


def _remembering(view: ViewState, intent: Intent) -> ViewState:
    """Apply an intent; if it begins a move, remember the view before it. A tour leaves nothing to undo."""
    if isinstance(intent, Begin):
        return replace(view, begins=True)
    after = _apply(view, intent)
    if after.compared is not None and not isinstance(intent, Undo):
        after = following(view, after)
    if isinstance(intent, LookAt) and view.past:
        return replace(after, past=(), begins=True)
    if isinstance(intent, LookAt | Undo) or after.moment == view.moment:
        return after
    alone, continues = isinstance(intent, ALONE), isinstance(intent, Adjust) and intent.continues
    past = (*view.past, view.moment)[-PAST:] if (view.begins or alone) and not continues else view.past
    return replace(after, past=past, begins=alone)


def _apply(view: ViewState, intent: Intent) -> ViewState:
    if any(image >= len(view.images) for image in _images_of(intent)):
        return view
    if isinstance(intent, RegionIntent):
        return _with_regions(view, intent)
    match intent:
        case Pan(image, uv, s):
            old = view.images[image]
            center = (uv[0] - s[0] / old.zoom, uv[1] - s[1] / old.zoom)
            return with_image(view, image, replace(old, center=center))
        case Zoom(image, anchor, log2_delta):
            old = view.images[image]
            log2_delta = min(MOST_DOUBLINGS, max(-MOST_DOUBLINGS, log2_delta)) if math.isfinite(log2_delta) else 0.0
            zoom = min(view.largest_zoom(image), max(view.smallest_zoom(image), old.zoom * 2.0**log2_delta))
            if zoom == old.zoom:  # otherwise rounding would move the centre, and the view would never rest
                return view
            kept = old.zoom / zoom
            u, v = (a - (a - c) * kept for a, c in zip(anchor, old.center, strict=True))
            return with_image(view, image, ImageView((u, v), zoom))
        case MovePanel(image, moved):
            return _with_panel(view, image, moved)
        case Undo():
            return _undone(view)
        case ShowOriginal(shown):
            return replace(view, original=shown)
        case ShowInvention(shown):
            return replace(view, invention=shown)
        case ShowOverlay(layer, shown):
            there = {layer} if overlays_of((layer,)) else set()
            before = view.settings.overlays
            overlays = before | there if shown else before - there
            return replace(view, settings=replace(view.settings, overlays=overlays))
        case Adjust(appearance, _):
            return replace(view, appearance=appearance.within)
        case LimitLevel(finest):
            return replace(view, finest=min(MAX_LEVEL, max(0, finest)))
        case SetFieldAngle(degrees):
            low, high = FIELD_ANGLES
            angle = min(high, max(low, degrees)) if math.isfinite(degrees) else view.field_angle
            return replace(view, settings=replace(view.settings, field_angle=angle))
        case BringForward(image):
            there = 0 <= image < len(view.images) and image not in view.failed
            return brought_forward(view, image) if there else view
        case SwitchSurface():
            other = SurfaceKind.RETINA if view.surface is SurfaceKind.PANEL else SurfaceKind.PANEL
            return settled(on_surface(view, other))
        case NextImage(by):
            return turned(view, by)
        case ShowLayout(layout):
            return view if layout is view.layout else arranged(view, layout)
        case NextLayout(by):
            return next_layout(view, by)
        case Pick(image):
            picked = (*(i for i in view.picked if i != image), image)[-2:]
            return settled(replace(arranged(view, Layout.ONE), active=image, picked=picked))
        case ShowPair(first, second):
            return arranged(paired(view, (first, second)), Layout.PAIR) if first != second else view
        case SetCompare(compare):
            return compared(view, compare)
        case SetLink(link):
            return retied(replace(view, pair=replace(view.pair, link=link))) if view.pair else view
        case MoveDivider(to):
            divider = min(1 - LEAST_PART, max(LEAST_PART, to))
            if view.pair is None or not math.isfinite(to):
                return view
            return replace(view, pair=replace(view.pair, divider=divider))
        case KeepShown(kept):
            return replace(view, blink=replace(view.blink, kept=kept))
        case ResetView():
            return _reset(view)
        case ShowPixels():
            return _in_pixels(view)
        case GoBack():
            return _back(view)
        case LookAt(surface, center, zoom, invention):
            view = replace(view, invention=invention)
            if surface is not view.surface:  # a tour looks in every frame, and there may be thousands of photographs
                view = on_surface(view, surface)
            return with_image(view, view.active, ImageView(center, zoom))
        case ComputeWith(model):
            return replace(view, settings=view.settings.computing_with(model))
        case ShowRoom(shown):
            return replace(view, settings=replace(view.settings, room=shown))
        case ShowHelp(shown):
            return replace(view, settings=replace(view.settings, help=shown))
    return view  # an `Effect` acts outside of it


def _images_of(intent: Intent) -> tuple[int, ...]:
    """Return the photographs that an intent names."""
    match intent:
        case Pan(image=image) | Zoom(image=image) | MovePanel(image=image) | BringForward(image) | Pick(image):
            return (image,)
        case ChooseRegion(image):
            return (image,)
        case ShowPair(first, second):
            return first, second
        case MarkRegion(draft) | ShowDraft(draft) if draft is not None:
            return (draft.image,)
    return ()


def _with_regions(view: ViewState, intent: RegionIntent) -> ViewState:
    """Apply an intent to the regions; if it jumps to one, show that."""
    (u, v), (right, down) = view.front.center, (half / view.front.zoom for half in view.reach(view.active))
    seen = (u - right, v - down), (u + right, v + down)
    regions = changed(view.regions, intent, view.photographs, view.active, seen)
    view = replace(view, regions=regions)
    there = regions.chosen_region
    if there is None or not isinstance(intent, GoToRegion | NextRegion):
        return view
    image = image_of(there, view.photographs, view.active)
    if image is None:  # it belongs to a photograph that is not there, and was chosen before
        return view
    seen = view.compared is None or image in view.compared.images
    if view.layout is Layout.WALL or not seen:  # there it would be too small or out of sight
        view = arranged(view, Layout.ONE)
    view = replace(view, active=image)
    center, zoom = view_of(there.rect, view.record_of(image).size, view.reach(image))
    return with_image(view, image, ImageView(center, max(1.0, zoom)))


def _with_panel(view: ViewState, image: int, moved: Moved) -> ViewState:
    if not (moved.pose.sound and math.isfinite(moved.scale)):
        return view
    smallest, largest = PANEL_SCALES
    within = replace(moved, scale=min(largest, max(smallest, moved.scale)))
    return replace(view, panels=tuple(sorted({**dict(view.panels), image: within}.items(), key=lambda item: item[0])))


def _undone(view: ViewState) -> ViewState:
    """Return the view before the last visible move, or the same view if there is none."""
    for back in reversed(range(len(view.past))):
        then = view.past[back]
        if not _alike(then, view.moment):
            before = replace(stood(view, then.flat), layout=then.layout, panels=then.panels, pair=then.pair)
            before = replace(before, images=then.images, active=then.active, appearance=then.appearance)
            before = replace(before, regions=view.regions.back_to(then.marked))
            return replace(before, past=view.past[:back], begins=True)
    return replace(view, past=(), begins=True)


def _alike(one: Moment, other: Moment) -> bool:
    """Whether the two look the same: a trembling hand on the trigger moves the photograph a little."""
    if replace(one, images=()) != replace(other, images=()):
        return False
    return all(
        abs(a.zoom / b.zoom - 1) < UNSEEN and math.dist(a.center, b.center) * b.zoom < UNSEEN
        for a, b in zip(one.images, other.images, strict=True)
    )


def _reset(view: ViewState) -> ViewState:
    """Show the whole front photograph, or both of a pair, with the panel in its own place."""
    images = view.compared.images if view.compared else (view.active,)
    view = replace(view, panels=tuple(item for item in view.panels if item[0] not in images))
    for image in images:
        view = with_image(view, image, ImageView(view.home(image), 1.0))
    return retied(view) if view.compared else view


def desk_changed(view: ViewState, desk: Desk | None) -> ViewState:
    """Return the view in a window of another size, or (None) around the viewer. What was whole is whole again; what was
    not keeps its size in pixels."""
    if desk == view.desk:
        return view
    after = replace(view, settings=replace(view.settings, desk=desk))
    for index, image in enumerate(view.images):
        before, now = (view.fit(index), after.fit(index)) if image.zoom != 1.0 else (None, None)
        if before is not None and now is not None:
            exact = abs(image.zoom * before - 1.0) < EXACT
            zoom = 1.0 / now if exact else max(1.0, image.zoom * before / now)
            after = with_image(after, index, replace(image, zoom=zoom))
    return laid(after)


def _in_pixels(view: ViewState) -> ViewState:
    """Show the front photograph, or both of a pair, pixel for pixel, with the same place in the middle; if the whole of
    it fits, its own middle."""
    for image in view.compared.images if view.compared else (view.active,):
        fit = view.fit(image)
        if fit is not None:
            center = view.images[image].center if fit < 1.0 else (0.5, 0.5)
            view = with_image(view, image, ImageView(center, 1.0 / fit))
    return retied(view) if view.compared else view


def _back(view: ViewState) -> ViewState:
    """Close the help, else leave off marking, else show the whole photograph, else the wall that it was taken from."""
    if view.settings.help:
        return replace(view, settings=replace(view.settings, help=False))
    if view.regions.armed:
        return replace(view, regions=replace(view.regions, armed=False))
    whole = _reset(view)
    if whole.moment != view.moment:
        return whole
    taken = view.layout is Layout.ONE and view.picked[-1:] == (view.active,)
    return arranged(view, Layout.WALL) if taken else view


def photograph_arrived(view: ViewState, index: int, record: PhotographRecord) -> ViewState:
    """Return the view with a photograph that has been loaded."""
    view = replace(view, photographs=(*view.photographs[:index], record, *view.photographs[index + 1 :]))
    view = with_image(view, index, view.images[index])
    view = settled(view) if index == view.active else view
    view = completed(view, index)
    # Undoing a move of another photograph leaves this one as it is now.
    past = (replace(then, images=swapped(then.images, index, view.images[index])) for then in view.past)
    return replace(view, past=tuple(past))


def regions_arrived(view: ViewState, found: Iterable[Region], given: Given = ()) -> ViewState:
    """Return the view with regions kept from an earlier session. Undo keeps them."""
    regions = view.regions.with_known(found, given)
    new = regions.known[len(view.regions.known) :]
    past = (replace(then, marked=(*then.marked, *new)) for then in view.past)
    return replace(view, regions=regions, past=tuple(past)) if new else view


def regions_stamped(view: ViewState, moment: str) -> ViewState:
    """Return the view with `moment` (ISO 8601) as the time of new regions, including in what can be undone."""
    regions = view.regions.stamped(moment)
    named = dict(zip(view.regions.known, regions.known, strict=True))
    past = (replace(then, marked=tuple(named.get(item, item) for item in then.marked)) for then in view.past)
    return replace(view, regions=regions, past=tuple(past))


def photograph_failed(view: ViewState, index: int) -> ViewState:
    """Return the view without a photograph that cannot be opened: another loaded one comes to the front, or the next
    that may still load.

    Photographs arrive in their order: while none is loaded, all before the active one have failed.
    """
    view = replace(view, failed=view.failed | {index})
    if view.pair is not None and index in view.pair.images:
        view = replace(view, pair=None)
    if index == view.active:
        other = next_loaded(view)
        if other == index:
            other = (index + 1) % len(view.images)
        view = settled(replace(view, active=other, past=()))
    return laid(with_pair(view)) if view.flat is Layout.PAIR and view.pair is None else view
