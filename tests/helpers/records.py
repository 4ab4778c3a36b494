"""Views of photographs that were never decoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.view import ViewState


def of(view: ViewState, photographs: Iterable[PhotographRecord | None]) -> ViewState:
    """Return the view with these photographs."""
    return replace(view, photographs=tuple(photographs))
