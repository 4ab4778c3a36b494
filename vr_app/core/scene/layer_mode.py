"""Whether a headset's runtime shows surfaces by itself."""

from __future__ import annotations

from enum import Enum


class LayerMode(Enum):
    """auto: where the runtime is known to show them well; on: where it offers them; off: meshes alone."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"
