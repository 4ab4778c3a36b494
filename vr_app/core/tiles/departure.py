"""How far the visible tiles depart from the photograph."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sr_core.image import layers
from sr_core.image.departure import Departure
from sr_core.image.geometry import TileKey
from sr_core.image.layers import COMPUTED, overlay_level
from vr_app.core.tiles.page_table import COARSEST, Residency
from vr_app.core.tiles.visible import Demand

STEADY = 0.5
"""Seconds for which a displayed figure stays the same, so that it can be read while tiles arrive."""


class Departures:
    """The departure of the visible part of each photograph. For the drawing thread."""

    def __init__(self) -> None:
        self._shown: dict[int, Departure] = {}
        self._shown_for: tuple | None = None
        self._shown_at = 0.0

    def shown(
        self,
        wants: Sequence[Demand],
        residency: Residency,
        now: float,
        at_once: bool = False,
        over: Sequence[int] = (),
    ) -> dict[int, Departure]:
        """Return `seen`, unchanged for STEADY seconds (`now` on the frame clock) unless it is wanted `at_once`."""
        if at_once or self._shown_for is None or now - self._shown_at >= STEADY:
            made_for = residency.version, tuple(wants), over
            if made_for != self._shown_for:
                self._shown, self._shown_for, self._shown_at = self.seen(wants, residency, over), made_for, now
        return self._shown

    def seen(self, wants: Sequence[Demand], residency: Residency, over: Sequence[int] = ()) -> dict[int, Departure]:
        """Return, by photograph, the mean over the visible tiles, taking for each the finest resident computed tile
        that covers it. Photographs without any are left out. `over`: the layers shown over the picture; those that
        replace the photograph count."""
        found = {}
        for demand in wants:
            tiles = [tile for tile in self._standing(demand, residency, over) if tile is not None]
            if tiles:
                invented, restored = (sum(part) / len(tiles) for part in zip(*map(_figures, tiles), strict=True))
                found[demand.photograph] = Departure(invented, all(tile.agrees for tile in tiles), restored)
        return found

    def _standing(self, demand: Demand, residency: Residency, over: Sequence[int]) -> list[Departure | None]:
        layer, levels = None, COMPUTED
        if demand.level not in COMPUTED:
            replacing = [at for at in over if overlay_level(layers.LAYERS[at], demand.level) == demand.level]
            layer = next((at for at in replacing if layers.LAYERS[at].replaces), None)
            if layer is None:
                return []
            levels = layers.LAYERS[layer].levels
        cells = zip(demand.tiles.points(), demand.seen, strict=True)
        return [self._finest(demand, cell, residency, levels, layer) for cell, seen in cells if seen]

    def _finest(
        self,
        demand: Demand,
        cell: tuple[int, int],
        residency: Residency,
        levels: Collection[int],
        layer: int | None,
    ) -> Departure | None:
        col, row = cell
        for up in range(demand.level - COARSEST):
            if demand.level - up not in levels:
                break
            key = TileKey(demand.photograph, demand.level - up, col >> up, row >> up, layer)
            if key in residency.resident:
                return residency.departure(key)
        return None


def _figures(departure: Departure) -> tuple[float, float]:
    return departure.invented, departure.restored
