"""Views of photographs that nobody has decoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.view import ViewState


def of(view: ViewState, photographs: Iterable[PhotographRecord | None]) -> ViewState:
    """The view as it is, of these photographs."""
    return replace(view, photographs=tuple(photographs))
