"""How photographs look: which channel, how bright, how much contrast. This changes what is shown, never a pixel.

Photographed and computed pixels go through the same curve at the same place of the photograph, in `surface.frag`, after
filtering. The values are the file's own (sRGB-encoded, 0 to 1), as with an image viewer's sliders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated

import numpy as np

from vr_app.core.view.bounds import Within


class Channel(Enum):
    """The channel that is shown; each value is its name in words. Red-free is the green channel, as grey: vessels and
    nerve fibres stand out most there, as in a photograph through a green filter."""

    COLOUR = "colour"
    RED_FREE = "red-free"
    RED = "red channel"
    BLUE = "blue channel"


BRIGHTNESS, CONTRAST, GAMMA, LOCAL = (-0.5, 0.5), (0.4, 3.0), (0.4, 2.5), (0.0, 1.0)
"""The range of each field of `Appearance`."""

LOCAL_AT_ONCE = 0.6
"""The local contrast that its key switches on."""

STEP = 2.0**0.25
"""The factor by which a key changes the contrast."""


REGIONS = 8
"""Regions along the photograph's width, and along its height."""

SAMPLES = 64
"""Samples of a curve, at the values 0, 1/63, ..., 1."""

LUMA = (0.2126, 0.7152, 0.0722)
"""The weights of red, green and blue in lightness (Rec. 709)."""


@dataclass(frozen=True, eq=False)
class Curves:
    """`samples` (REGIONS, REGIONS, SAMPLES) uint16, 0 to 65535, rows of regions from top to bottom: the output for the
    values 0, 1/63, ..., 1. Each curve begins with 0, ends with 65535 and never falls. Equal only to itself."""

    samples: np.ndarray


@dataclass(frozen=True)
class Appearance:
    """How photographs look; the defaults leave them as photographed.

    `brightness` is added, -0.5 to 0.5 of white. `contrast`, 0.4 to 3, stretches about the mean of the photograph's
    field of view (`vr_app.core.scene.field_mean`), so that it becomes neither lighter nor darker. `gamma`, 0.4 to 2.5:
    above 1 dark parts become lighter. `local`, 0 to 1: the share of local contrast
    (`vr_app.core.scene.local_contrast`).
    """

    channel: Channel = Channel.COLOUR
    brightness: Annotated[float, Within(*BRIGHTNESS)] = 0.0
    contrast: Annotated[float, Within(*CONTRAST)] = 1.0
    gamma: Annotated[float, Within(*GAMMA)] = 1.0
    local: Annotated[float, Within(*LOCAL)] = 0.0

    @property
    def within(self) -> Appearance:
        """The nearest appearance within the ranges; a field that is not a number gets its default."""
        limits = {"brightness": BRIGHTNESS, "contrast": CONTRAST, "gamma": GAMMA, "local": LOCAL}
        held = {}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            # Round to a thousandth: moving a slider back to where it began leaves no trace.
            held[name] = (
                round(min(high, max(low, value)), 3) if math.isfinite(value) else getattr(AS_PHOTOGRAPHED, name)
            )
        return replace(self, **held)

    def next_channel(self) -> Appearance:
        """Return it with the next channel; the first comes after the last."""
        channels = list(Channel)
        return replace(self, channel=channels[(channels.index(self.channel) + 1) % len(channels)])

    def switched_local(self) -> Appearance:
        """Return it with local contrast switched on, or off if it was on."""
        return replace(self, local=0.0 if self.local else LOCAL_AT_ONCE)

    def contrasted(self, steps: int) -> Appearance:
        """Return it with `steps` steps more contrast, each a factor of STEP. Up and down meet again at exactly 1."""
        wanted = self.contrast * STEP**steps
        whole = round(math.log(min(CONTRAST[1], max(CONTRAST[0], wanted)), STEP))
        return replace(self, contrast=STEP**whole).within

    def told(self) -> str:
        """Describe it in words, for the picture: 'red-free, contrast 1.4'; empty if nothing is adjusted."""
        words = [self.channel.value] if self.channel is not Channel.COLOUR else []
        if self.brightness:
            words.append(f"brightness {self.brightness:+.2f}")
        if self.contrast != 1:
            words.append(f"contrast {self.contrast:.2g}")
        if self.gamma != 1:
            words.append(f"gamma {self.gamma:.2g}")
        if self.local:
            words.append(f"local contrast {self.local:.2g}")
        return ", ".join(words)

    def fields(self) -> dict:
        """Return plain values for JSON."""
        return {
            "channel": self.channel.value,
            "brightness": self.brightness,
            "contrast": self.contrast,
            "gamma": self.gamma,
            "local": self.local,
        }


AS_PHOTOGRAPHED = Appearance()
"""Any other adjusts it."""
