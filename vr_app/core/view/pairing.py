"""How the view changes from one layout or pair to another."""

from __future__ import annotations

from dataclasses import replace

from vr_app.core.view import layout as standing
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Blink, Compare, Link, Pair, Tie, link_of, tie_of, tied
from vr_app.core.view.view import ViewState, next_loaded, on_surface, settled, swapped, with_image


def turned(view: ViewState, by: int) -> ViewState:
    """Apply `NextImage`: the wall's next page, the next pair, or the next photograph."""
    if view.layout is Layout.WALL:
        page, pages = view.page
        hung = view.hung[(page + by) % pages * standing.PAGE :]
        first = next((i for i in hung if view.photographs[i] is not None), hung[0])
        return replace(view, active=first) if pages > 1 else view
    if view.layout is Layout.PAIR and len(view.loaded) > 1:
        return paired(view, _next_two(view, by))
    return settled(replace(view, active=next_loaded(view, by)))


def brought_forward(view: ViewState, image: int) -> ViewState:
    """Bring a photograph to the front. If a pair without it is shown, it takes the front one's place."""
    if view.compared is not None and image not in view.compared.images:
        return paired(replace(view, active=image), (image, view.compared.other(view.active)))
    return settled(replace(view, active=image))


def _next_two(view: ViewState, by: int) -> tuple[int, int]:
    """Return the next pair, taking the photographs two at a time; an odd last one is paired with the one before it."""
    loaded = view.loaded
    two = view.pair.images if view.pair else (view.active,)
    last = max((loaded.index(i) for i in two if i in loaded), default=0)
    at = min(2 * ((last // 2 + by) % -(-len(loaded) // 2)), len(loaded) - 2)
    return loaded[at], loaded[at + 1]


def arranged(view: ViewState, layout: Layout) -> ViewState:
    """Apply `ShowLayout`, to the retina too."""
    if layout is Layout.RETINA:
        return settled(on_surface(view, SurfaceKind.RETINA))
    view = stood(on_surface(view, SurfaceKind.PANEL), layout)
    return with_pair(view) if layout is Layout.PAIR else view


def stood(view: ViewState, layout: Layout) -> ViewState:
    """Return the view in another layout, with its panels where the user last put them there."""
    if layout is view.flat:
        return view
    elsewhere = dict(view.elsewhere) | {view.flat: view.panels}
    panels = elsewhere.pop(layout, ())
    kept = sorted((item for item in elsewhere.items() if item[1]), key=lambda item: item[0].value)
    shown = layout if view.layout is view.flat else view.layout
    return replace(view, layout=shown, flat=layout, panels=panels, elsewhere=tuple(kept))


def layouts_offered(count: int) -> tuple[tuple[Layout, Compare], ...]:
    """Return the layouts for which `count` photographs are enough, in the order of `NextLayout`."""
    pairs = tuple((Layout.PAIR, compare) for compare in Compare) if count > 1 else ()
    row = ((Layout.ROW, Compare.SIDE),) if count > 2 else ()
    wall = ((Layout.WALL, Compare.SIDE),) if count > 3 else ()
    return ((Layout.ONE, Compare.SIDE), *pairs, *row, *wall, (Layout.RETINA, Compare.SIDE))


def next_layout(view: ViewState, by: int) -> ViewState:
    """Apply `NextLayout`."""
    offered = layouts_offered(len(view.loaded))
    compare = view.pair.compare if view.layout is Layout.PAIR and view.pair else Compare.SIDE
    now = view.layout, compare
    # A row of two is not among them: it comes before the retina.
    at = offered.index(now) + by if now in offered else (len(offered) - 1 if by > 0 else 0)
    layout, compare = offered[at % len(offered)]
    view = arranged(view, layout)
    return compared(view, compare) if layout is Layout.PAIR else view


def with_pair(view: ViewState) -> ViewState:
    """Return the view with two photographs to compare, if there are two: the last two picked, else the last two
    compared, else the front one and the next."""
    loaded = view.loaded
    if len(loaded) < 2 or view.active not in loaded:
        return view
    before = view.pair.images if view.pair else ()
    for two in (view.picked if view.picked[-1:] == (view.active,) else (), before):
        if len(two) == 2 and view.active in two and set(two) <= set(loaded):
            return paired(view, two)
    return paired(view, (view.active, next_loaded(view)))


def paired(view: ViewState, two: tuple[int, int]) -> ViewState:
    """Return the view with these two as its pair. A right eye is placed on the left, as when facing a person; otherwise
    they keep their order. The first becomes the front one, unless the second already is."""
    sides = tuple(view.field_of(i).side for i in two)
    first, second = two if sides == ("right", "left") else two[::-1] if sides == ("left", "right") else sorted(two)
    active = view.active if view.active in two else first
    old = view.pair or Pair((first, second))
    if old.images == (first, second) and old.link is not None:
        return retied(replace(view, pair=old, active=active))
    link = old.link if old.link is Link.OFF else link_of(view.field_of(first), view.field_of(second))
    return retied(replace(view, active=active, blink=Blink(), pair=replace(old, images=(first, second), link=link)))


def retied(view: ViewState) -> ViewState:
    """Return the view with its pair tied as the two are seen now."""
    pair, tie = view.pair, None
    if pair is not None and pair.link is not Link.OFF and set(pair.images) <= set(view.loaded):
        first, second = pair.images
        views, fields = (view.images[first], view.images[second]), (view.field_of(first), view.field_of(second))
        tie = tie_of(views, fields, pair.link is Link.MIRRORED)
    return replace(view, pair=replace(pair, tie=tie)) if pair is not None else view


def compared(view: ViewState, compare: Compare) -> ViewState:
    """Apply `SetCompare`; without a pair, one is made."""
    view = arranged(view, Layout.PAIR)
    if view.pair is None or view.pair.compare is compare:
        return view
    view = on_surface(replace(view, pair=replace(view.pair, compare=compare), blink=Blink()), view.surface)
    return retied(view) if compare is Compare.SIDE else view


def following(before: ViewState, after: ViewState) -> ViewState:
    """Let the other photograph of a linked pair follow the change: as they are tied if side by side, otherwise so that
    the fields of view coincide."""
    pair = after.compared
    if pair is None:
        return after
    first, second = pair.images
    tie = pair.tie if pair.compare is Compare.SIDE else Tie()
    changed = [i for i in pair.images if after.images[i] != before.images[i]]
    if tie is not None and len(changed) == 1:
        back = changed == [second]
        shown, follows = (second, first) if back else (first, second)
        image = tied(after.images[shown], after.field_of(shown), after.field_of(follows), tie, back)
        after = with_image(after, follows, replace(image, zoom=max(after.smallest_zoom(follows), image.zoom)))
    return laid(after)


def laid(view: ViewState) -> ViewState:
    """On one panel, lay the second photograph over the first; it may show past its own edge where the first extends
    farther."""
    pair = view.compared
    if pair is None or pair.compare is Compare.SIDE:
        return view
    first, second = pair.images
    image = tied(view.images[first], view.field_of(first), view.field_of(second), Tie())
    return replace(view, images=swapped(view.images, second, image))


def completed(view: ViewState, index: int) -> ViewState:
    """Return the view once a missing photograph of its pair has arrived."""
    if view.flat is not Layout.PAIR:
        return view
    if view.pair is None:
        view = with_pair(view)
    elif index in view.pair.images and view.pair.tie is None and set(view.pair.images) <= set(view.loaded):
        view = paired(view, view.pair.images)
    return laid(view)
