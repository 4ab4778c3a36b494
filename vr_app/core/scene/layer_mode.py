"""Whether a headset's runtime shows surfaces by itself."""

from __future__ import annotations

from enum import Enum


class LayerMode(Enum):
    """auto: if the runtime is known to show them well; on: if it offers them; off: only meshes."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"
