"""The discriminator of SRGAN: a VGG-like classifier that tells photographs from super-resolved pictures.

Ledig et al. 2017, figure 4. The pooling before the dense layers, which accepts crops of any size from 64 pixels, is not
in the paper (it only has crops of 96).
"""

from torch import Tensor, nn

LEAST_SIDE = 64
"""The minimum side of a crop in pixels: four halvings leave the 4x4 cells that the dense layers read."""

_CELLS = LEAST_SIDE // 16


class Discriminator(nn.Module):
    """conv3, then pairs of conv3 with stride 1 and 2 up to 8 times the maps, batch norm, leaky ReLU, two dense layers.

    features: feature maps of the first layer, 64 as published (dense layer 1024); fewer make every layer narrower.
    """

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        if features < 1:
            raise ValueError(f"{features} features: must be at least 1")
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.LeakyReLU(0.2)]
        before = features
        for width, stride in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
            maps = width * features
            layers += [
                nn.Conv2d(before, maps, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(maps),
                nn.LeakyReLU(0.2),
            ]
            before = maps
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(_CELLS))
        self.classify = nn.Sequential(
            nn.Flatten(),
            nn.Linear(before * _CELLS**2, 16 * features),
            nn.LeakyReLU(0.2),
            nn.Linear(16 * features, 1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        """Map (N, 3, H, W) in 0..1, sides from LEAST_SIDE, to logits (N,), positive for pictures taken for
        photographs."""
        if min(picture.shape[2:]) < LEAST_SIDE:
            raise ValueError(
                f"crops of {picture.shape[3]}x{picture.shape[2]} pixels: the discriminator needs "
                f"{LEAST_SIDE}x{LEAST_SIDE}, take larger ones"
            )
        return self.classify(self.features(picture)).squeeze(1)
